{{/* Names, labels, and the operator's rights. */}}

{{- define "dask-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "dask-operator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* For what is in no namespace: a release of the same name may be in another one. */}}
{{- define "dask-operator.clusterWideName" -}}
{{- printf "%s-%s" (include "dask-operator.fullname" .) .Release.Namespace -}}
{{- end -}}

{{- define "dask-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "dask-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "dask-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "dask-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "dask-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "dask-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "dask-operator.image" -}}
{{- if contains "dask-kubernetes-operator" .Values.image.name -}}
{{- fail (printf "image.name is %q: that is the image of dask-kubernetes' operator, which this chart cannot run. Remove image.name and image.tag from your values, or set both to where dask-operator's image is." .Values.image.name) -}}
{{- end -}}
{{- printf "%s:%s" .Values.image.name (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{/* Whether nodes are watched: not where nothing is cluster-wide. */}}
{{- define "dask-operator.watchNodes" -}}
{{- if and .Values.watchNodes .Values.rbac.cluster }}true{{ end -}}
{{- end -}}

{{/* The rights of the operator, for the ClusterRole and the Roles. What is not here is not needed. */}}
{{- define "dask-operator.rules" -}}
- apiGroups: [kubernetes.dask.org]
  resources: [daskautoscalers, daskjobs]
  verbs: [list, watch, patch]
# Created for a job, and deleted after it or when idleTimeout is over.
- apiGroups: [kubernetes.dask.org]
  resources: [daskclusters]
  verbs: [list, watch, create, delete, patch]
- apiGroups: [kubernetes.dask.org]
  resources: [daskworkergroups]
  verbs: [list, watch, create, patch]
- apiGroups: [kubernetes.dask.org]
  resources: [daskclusters/status, daskworkergroups/status, daskautoscalers/status, daskjobs/status, daskworkergroups/scale]
  verbs: [patch]
# Needed to name these as blocking owners where the API server checks that (OwnerReferencesPermissionEnforcement).
- apiGroups: [kubernetes.dask.org]
  resources: [daskclusters/finalizers, daskworkergroups/finalizers, daskautoscalers/finalizers, daskjobs/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, create, delete, patch]
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch, create, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [list, create, patch]
- apiGroups: [apps]
  resources: [deployments]
  # Deleted are only those of workers that dask-kubernetes made.
  verbs: [list, watch, create, delete, patch]
{{- end -}}
