//! How the lists and maps of Kubernetes' own kinds merge, as its OpenAPI document has it.

use std::{collections::BTreeMap, sync::LazyLock};

/// A type: its fields that are not plain. In the table below, `field=Type` leads to a type, `field!` is a map that is
/// replaced as a whole, `field[]` a set, and `field[a,b]` a list with keys. What follows says that an object has the field
/// before anything is written to it: `+` an empty map, `~` null, and `\"` an empty text.
#[derive(Debug, Default)]
pub(super) struct Type {
    pub fields: BTreeMap<&'static str, Field>,
}

/// A field that is not plain.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub is_atomic: bool,
    pub is_set: bool,
    pub keys: Vec<String>,
    /// The type of the field, or of its elements.
    pub of: Option<&'static str>,
    /// The elements of a list are replaced as a whole.
    pub atomic_elements: bool,
    pub before: Option<Before>,
}

/// What a field is before anything is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Map,
    Null,
    Text,
}

const TABLE: &str = "
ObjectMeta finalizers[] ownerReferences[uid]=!
Plain metadata+=ObjectMeta
ConfigMap metadata+=ObjectMeta
Secret metadata+=ObjectMeta
Endpoints metadata+=ObjectMeta
EndpointSlice metadata+=ObjectMeta
ClusterRole metadata+=ObjectMeta
Role metadata+=ObjectMeta
ClusterRoleBinding metadata+=ObjectMeta roleRef!
RoleBinding metadata+=ObjectMeta roleRef!
PriorityClass metadata+=ObjectMeta
Lease metadata+=ObjectMeta spec+=Spec
Spec
Event metadata+=ObjectMeta involvedObject!+ source+=Spec regarding!+ related! \
eventTime~ firstTimestamp~ lastTimestamp~ reportingComponent\" reportingInstance\"
ServiceAccount metadata+=ObjectMeta secrets[name]=! imagePullSecrets
Namespace metadata+=ObjectMeta spec+=Spec status+=Conditions
Node metadata+=ObjectMeta spec+=NodeSpec status+=NodeStatus
NodeSpec podCIDRs[]
NodeStatus addresses[type] conditions[type] daemonEndpoints+=Spec nodeInfo+=Spec
Conditions conditions[type]
Service metadata+=ObjectMeta spec+=ServiceSpec status+=ServiceStatus
ServiceSpec ports[port,protocol] selector!
ServiceStatus conditions[type] loadBalancer+=Spec
NetworkPolicy metadata+=ObjectMeta spec+=NetworkPolicySpec
NetworkPolicySpec podSelector!+
PodDisruptionBudget metadata+=ObjectMeta spec+=Selected status+=Conditions
Selected selector!
CustomResourceDefinition metadata+=ObjectMeta spec+=Spec status+=Conditions
Deployment metadata+=ObjectMeta spec+=DeploymentSpec status+=Conditions
DeploymentSpec selector! strategy+=Spec template+=PodTemplateSpec
ReplicaSet metadata+=ObjectMeta spec+=ReplicaSetSpec status+=Conditions
ReplicaSetSpec selector! template+=PodTemplateSpec
StatefulSet metadata+=ObjectMeta spec+=StatefulSetSpec status+=Conditions
StatefulSetSpec selector! template+=PodTemplateSpec updateStrategy+=Spec
DaemonSet metadata+=ObjectMeta spec+=StatefulSetSpec status+=Conditions
Job metadata+=ObjectMeta spec+=ReplicaSetSpec status+=JobStatus
JobStatus uncountedTerminatedPods=Uncounted
Uncounted failed[] succeeded[]
PersistentVolumeClaim metadata+=ObjectMeta spec+=ClaimSpec status+=Conditions
ClaimSpec dataSource! selector! resources+=Spec
ClaimTemplate metadata+=ObjectMeta spec+=ClaimSpec
Pod metadata+=ObjectMeta spec+=PodSpec status+=PodStatus
PodTemplateSpec metadata+=ObjectMeta spec+=PodSpec
PodStatus conditions[type] podIPs[ip] hostIPs resourceClaimStatuses[name]
PodSpec affinity=Affinity containers[name]~=Container ephemeralContainers[name]=Container hostAliases[ip] \
imagePullSecrets[name]=! initContainers[name]=Container nodeSelector! resourceClaims[name] resources=Resources \
schedulingGates[name] topologySpreadConstraints[topologyKey,whenUnsatisfiable]=Spread volumes[name]=Volume
Affinity nodeAffinity=NodeAffinity
NodeAffinity requiredDuringSchedulingIgnoredDuringExecution!
Container env[name]=EnvVar ports[containerPort,protocol] resources=Resources volumeDevices[devicePath] \
volumeMounts[mountPath]
EnvVar valueFrom=EnvVarSource
EnvVarSource configMapKeyRef! fieldRef! fileKeyRef! resourceFieldRef! secretKeyRef!
Resources claims[name]
Spread labelSelector!
Volume cephfs=Secretive cinder=Secretive csi=Csi ephemeral=Ephemeral flexVolume=Secretive iscsi=Secretive rbd=Secretive \
scaleIO=Secretive storageos=Secretive
Secretive secretRef!
Csi nodePublishSecretRef!
Ephemeral volumeClaimTemplate=ClaimTemplate
";

static TYPES: LazyLock<BTreeMap<&'static str, Type>> = LazyLock::new(|| {
    let parse = |line: &'static str| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        Some((name, Type { fields: words.map(field).collect() }))
    };
    // A line of the table that ends in a backslash goes on in the next one, as texts of Rust do.
    TABLE.lines().filter_map(parse).collect()
});

fn field(word: &'static str) -> (&'static str, Field) {
    let (left, of) = word.split_once('=').map_or((word, None), |(left, of)| (left, Some(of)));
    let before = [('+', Before::Map), ('~', Before::Null), ('"', Before::Text)];
    let before = before.into_iter().find(|(mark, _)| left.ends_with(*mark)).map(|(_, before)| before);
    let left = left.trim_end_matches(['+', '~', '"']);
    let (left, is_atomic) = left.strip_suffix('!').map_or((left, false), |left| (left, true));
    let (name, keys) = left.strip_suffix(']').and_then(|left| left.split_once('[')).unwrap_or((left, "none"));
    let listed = name.len() != left.len();
    let keys: Vec<String> =
        keys.split(',').filter(|key| listed && !key.is_empty()).map(str::to_owned).collect();
    let field = Field {
        is_atomic,
        is_set: listed && keys.is_empty(),
        keys,
        of: of.filter(|of| *of != "!"),
        atomic_elements: of == Some("!"),
        before,
    };
    (name, field)
}

/// The type of this name.
pub(super) fn of(name: &str) -> Option<&'static Type> {
    TYPES.get(name)
}

/// A type of which nothing is known but that its fields have names.
pub(super) static PLAIN: Type = Type { fields: BTreeMap::new() };

/// The type of a kind's objects: a kind that is not in the table has metadata, and nothing else is known of it.
pub(super) fn of_kind(kind: &str) -> &'static Type {
    of(kind).or_else(|| of("Plain")).unwrap_or(&PLAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        for (name, found) in TYPES.iter() {
            for (field, found) in &found.fields {
                assert!(found.of.is_none_or(|of| TYPES.contains_key(of)), "{name}.{field}: {:?}", found.of);
            }
        }
        let pod = of("PodSpec").unwrap();
        assert_eq!(pod.fields["containers"].keys, ["name"]);
        assert_eq!(pod.fields["containers"].of, Some("Container"));
        assert!(pod.fields["nodeSelector"].is_atomic);
        assert_eq!(of("Container").unwrap().fields["ports"].keys, ["containerPort", "protocol"]);
        let meta = of("ObjectMeta").unwrap();
        assert!(meta.fields["finalizers"].is_set && meta.fields["ownerReferences"].atomic_elements);
        assert_eq!(of("Event").unwrap().fields["involvedObject"].before, Some(Before::Map));
        assert_eq!(of("Event").unwrap().fields["reportingInstance"].before, Some(Before::Text));
        assert_eq!(pod.fields["containers"].before, Some(Before::Null));
    }
}
