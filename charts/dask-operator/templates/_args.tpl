{{/* The operator's command line, and the namespaces it watches. */}}

{{/* What kopfArgs asks for, as JSON: namespaces, verbosity. A flag's value may be in the next item. */}}
{{- define "dask-operator.kopfArgs" -}}
{{- $long := dict "-v" "--verbose" "--verbose" "--verbose" "-d" "--debug" "--debug" "--debug" "-q" "--quiet" "--quiet" "--quiet" -}}
{{- $namespaces := list -}}
{{- $verbosity := list -}}
{{- $value := "" -}}
{{- range .Values.kopfArgs -}}
{{- if eq $value "namespace" -}}
{{- $namespaces = append $namespaces . -}}
{{- $value = "" -}}
{{- else if $value -}}
{{- $value = "" -}}
{{- else if has . (list "-n" "--namespace") -}}
{{- $value = "namespace" -}}
{{- else if eq . "--liveness" -}}
{{- $value = "liveness" -}}
{{- else if regexMatch "^(-n|--namespace[= ]).+" . -}}
{{- $namespaces = append $namespaces (regexReplaceAll "^(-n[= ]?|--namespace[= ])" . "" | trim) -}}
{{- else if hasKey $long . -}}
{{- $verbosity = append $verbosity (get $long .) -}}
{{- else if not (regexMatch "^(-A|--all-namespaces|--standalone|--liveness[= ].*)$" .) -}}
{{- fail (printf "kopfArgs has %q, which this operator does not know: remove it. Known are --all-namespaces, --namespace=X, --verbose, --debug and --quiet; logFormat and logLevel are values of their own." .) -}}
{{- end -}}
{{- end -}}
{{- if $value -}}
{{- fail (printf "kopfArgs ends with --%s, which needs a value." $value) -}}
{{- end -}}
{{- dict "namespaces" $namespaces "verbosity" (uniq $verbosity) | toJson -}}
{{- end -}}

{{/* The watched namespaces as a JSON array; empty: all. A namespace that is named wins over --all-namespaces. */}}
{{- define "dask-operator.namespaces" -}}
{{- $namespaces := uniq (concat .Values.namespaces (include "dask-operator.kopfArgs" . | fromJson).namespaces) -}}
{{- range $namespaces -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$" .) -}}
{{- fail (printf "%q is not the name of a namespace: patterns and lists in one item are not supported, give each namespace by its name." .) -}}
{{- end -}}
{{- end -}}
{{- if not (or $namespaces .Values.rbac.cluster) -}}
{{- $namespaces = list .Release.Namespace -}}
{{- end -}}
{{- $namespaces | toJson -}}
{{- end -}}

{{- define "dask-operator.args" -}}
{{- $verbosity := (include "dask-operator.kopfArgs" . | fromJson).verbosity -}}
- --http-address=0.0.0.0:8080
- --log-format={{ .Values.logFormat }}
{{- range $verbosity }}
- {{ . }}
{{- else }}
- --log-level={{ .Values.logLevel }}
{{- end }}
- --scheduler-access={{ .Values.schedulerAccess }}
- --cluster-domain={{ .Values.clusterDomain }}
- --autoscaler-default-maximum={{ int .Values.autoscaler.defaultMaximum }}
{{- with .Values.agent }}
- --agent-mode={{ lower .mode }}
- --agent-image={{ .image | default (include "dask-operator.image" $) }}
{{- with .imagePullPolicy | default (.image | empty | ternary $.Values.image.pullPolicy "") }}
- --agent-image-pull-policy={{ . }}
{{- end }}
{{- range .imagePullSecrets }}
- --agent-pull-secret={{ .name }}
{{- end }}
{{- end }}
{{- if include "dask-operator.watchNodes" . }}
- --watch-nodes
{{- end }}
- --leader-elect
- --lease-name={{ include "dask-operator.fullname" . }}
{{- range include "dask-operator.namespaces" . | fromJsonArray }}
- --namespace={{ . }}
{{- else }}
- --all-namespaces
{{- end }}
{{- end -}}

{{/* The operator's environment; empty when there is nothing to say. */}}
{{- define "dask-operator.env" -}}
{{- range $name, $value := dict "BATCH_SIZE" .Values.workerAllocation.size "DELAY" .Values.workerAllocation.delay }}
{{- if not (kindIs "invalid" $value) }}
- name: DASK_KUBERNETES__CONTROLLER__WORKER_ALLOCATION__{{ $name }}
  value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
