//! The fields of the kinds, as a table written by hand for this simulator. See [`super`] for the notation.
//! Types that are missing here are not checked. Names and protobuf numbers are those of the struct tags in github.com/kubernetes/api.

/// One line per type: its name, then `field:type` pairs.
pub(super) const FIELDS: &str = "
ObjectMeta name:s=1 generateName:s=2 namespace:s=3 uid:s=5 resourceVersion:s=6 generation:i=7 creationTimestamp:t=8 deletionTimestamp:t=9 deletionGracePeriodSeconds:i=10? labels:m=11 annotations:m=12 ownerReferences:[OwnerReference]@uid=13 finalizers:[s]@=14 managedFields:*=17 selfLink:s=4
OwnerReference apiVersion:s=5 kind:s=1 name:s=3 uid:s=4 controller:b=6? blockOwnerDeletion:b=7?
LabelSelector matchLabels:m=1 matchExpressions:[LabelSelectorRequirement]=2
LabelSelectorRequirement key:s=1 operator:s=2 values:[s]=3
LocalObjectReference name:s=1
ObjectReference apiVersion:s=5 kind:s=1 name:s=3 namespace:s=2 uid:s=4 resourceVersion:s=6 fieldPath:s=7
TypedLocalObjectReference apiGroup:s=1? kind:s=2 name:s=3 namespace:s

Pod spec:PodSpec=2 status:*=3
PodTemplateSpec metadata:ObjectMeta=1 spec:PodSpec=2
PodSpec activeDeadlineSeconds:i=5? affinity:Affinity=18 automountServiceAccountToken:b=21? containers:[Container]@name=2 dnsConfig:*=26 dnsPolicy:s=6 enableServiceLinks:b=30? ephemeralContainers:[*]@name=34 hostAliases:[*]@ip=23 hostIPC:b=13 hostNetwork:b=11 hostPID:b=12 hostUsers:b=37? hostname:s=16 imagePullSecrets:[LocalObjectReference]@name=15 initContainers:[Container]@name=20 nodeName:s=10 nodeSelector:m=7 os:*=36 overhead:mq=32 preemptionPolicy:s=31? priority:i=25? priorityClassName:s=24 readinessGates:*=28 resourceClaims:[*]@name=39 resources:ResourceRequirements=40 restartPolicy:s=3 runtimeClassName:s=29? schedulerName:s=19 schedulingGates:[*]@name=38 securityContext:*=14 serviceAccount:s=9 serviceAccountName:s=8 setHostnameAsFQDN:b=35? shareProcessNamespace:b=27? subdomain:s=17 terminationGracePeriodSeconds:i=4? tolerations:[Toleration]=22 topologySpreadConstraints:[TopologySpreadConstraint]@topologyKey=33 volumes:[Volume]@name=1
Container args:[s]=4 command:[s]=3 env:[EnvVar]@name=7 envFrom:[EnvFromSource]=19 image:s=2 imagePullPolicy:s=14 lifecycle:*=12 livenessProbe:Probe=10 name:s=1 ports:[ContainerPort]@containerPort=6 readinessProbe:Probe=11 resizePolicy:*=23 resources:ResourceRequirements=8 restartPolicy:s=24? securityContext:*=15 startupProbe:Probe=22 stdin:b=16 stdinOnce:b=17 terminationMessagePath:s=13 terminationMessagePolicy:s=20 tty:b=18 volumeDevices:[*]@devicePath=21 volumeMounts:[VolumeMount]@mountPath=9 workingDir:s=5
EnvVar name:s=1 value:s=2 valueFrom:EnvVarSource=3
EnvVarSource configMapKeyRef:ConfigMapKeySelector=3 fieldRef:ObjectFieldSelector=1 fileKeyRef:*=5 resourceFieldRef:*=2 secretKeyRef:SecretKeySelector=4
ConfigMapKeySelector +:LocalObjectReference=1 key:s=2 optional:b=3?
SecretKeySelector +:LocalObjectReference=1 key:s=2 optional:b=3?
ObjectFieldSelector apiVersion:s=1 fieldPath:s=2
EnvFromSource configMapRef:ConfigMapEnvSource=2 secretRef:SecretEnvSource=3 prefix:s=1
ConfigMapEnvSource +:LocalObjectReference=1 optional:b=2?
SecretEnvSource +:LocalObjectReference=1 optional:b=2?
ContainerPort name:s=1 containerPort:i=3 hostPort:i=2 hostIP:s=5 protocol:s=4
ResourceRequirements limits:mq=1 requests:mq=2 claims:*=3
VolumeMount name:s=1 mountPath:s=3 readOnly:b=2 subPath:s=4 subPathExpr:s=6 mountPropagation:s=5? recursiveReadOnly:s=7?
Probe +:ProbeHandler=1 failureThreshold:i=6 initialDelaySeconds:i=2 periodSeconds:i=4 successThreshold:i=5 terminationGracePeriodSeconds:i=7? timeoutSeconds:i=3
ProbeHandler exec:ExecAction=1 httpGet:HTTPGetAction=2 tcpSocket:TCPSocketAction=3 grpc:*=4
ExecAction command:[s]=1
HTTPGetAction host:s=3 httpHeaders:*=5 path:s=1 port:x=2 scheme:s=4
TCPSocketAction host:s=2 port:x=1
Toleration key:s=1 operator:s=2 value:s=3 effect:s=4 tolerationSeconds:i=5?
TopologySpreadConstraint labelSelector:LabelSelector=4 matchLabelKeys:[s]=8 maxSkew:i=1 minDomains:i=5? nodeAffinityPolicy:s=6? nodeTaintsPolicy:s=7? topologyKey:s=2 whenUnsatisfiable:s=3
Affinity nodeAffinity:*=1 podAffinity:*=2 podAntiAffinity:*=3
Volume name:s=1 +:VolumeSource=2
VolumeSource awsElasticBlockStore:*=4 azureDisk:*=22 azureFile:*=18 cephfs:*=14 cinder:*=13 configMap:ConfigMapVolumeSource=19 csi:*=28 downwardAPI:*=16 emptyDir:EmptyDirVolumeSource=2 ephemeral:*=29 fc:*=17 flexVolume:*=12 flocker:*=15 gcePersistentDisk:*=3 gitRepo:*=5 glusterfs:*=9 hostPath:HostPathVolumeSource=1 image:*=30 iscsi:*=8 nfs:*=7 persistentVolumeClaim:PersistentVolumeClaimVolumeSource=10 photonPersistentDisk:*=23 portworxVolume:*=24 projected:*=26 quobyte:*=21 rbd:*=11 scaleIO:*=25 secret:SecretVolumeSource=6 storageos:*=27 vsphereVolume:*=20
ConfigMapVolumeSource +:LocalObjectReference=1 items:[KeyToPath]=2 defaultMode:i=3? optional:b=4?
SecretVolumeSource secretName:s=1 items:[KeyToPath]=2 defaultMode:i=3? optional:b=4?
KeyToPath key:s=1 path:s=2 mode:i=3?
EmptyDirVolumeSource medium:s=1 sizeLimit:q=2?
HostPathVolumeSource path:s=1 type:s=2?
PersistentVolumeClaimVolumeSource claimName:s=1 readOnly:b=2

Deployment spec:DeploymentSpec=2 status:*=3
DeploymentSpec minReadySeconds:i=5 paused:b=7 progressDeadlineSeconds:i=9? replicas:i=1? revisionHistoryLimit:i=6? selector:LabelSelector=2 strategy:DeploymentStrategy=4 template:PodTemplateSpec=3
DeploymentStrategy type:s=1 rollingUpdate:RollingUpdateDeployment=2
RollingUpdateDeployment maxSurge:x=2? maxUnavailable:x=1?
ReplicaSet spec:ReplicaSetSpec=2 status:*=3
ReplicaSetSpec minReadySeconds:i=4 replicas:i=1? selector:LabelSelector=2 template:PodTemplateSpec=3
StatefulSet spec:StatefulSetSpec=2 status:*=3
StatefulSetSpec minReadySeconds:i=9 ordinals:*=11 persistentVolumeClaimRetentionPolicy:*=10 podManagementPolicy:s=6 replicas:i=1? revisionHistoryLimit:i=8? selector:LabelSelector=2 serviceName:s=5 template:PodTemplateSpec=3 updateStrategy:StatefulSetUpdateStrategy=7 volumeClaimTemplates:[PersistentVolumeClaim]=4
StatefulSetUpdateStrategy type:s=1 rollingUpdate:RollingUpdateStatefulSetStrategy=2
RollingUpdateStatefulSetStrategy maxUnavailable:x=2? partition:i=1?
DaemonSet spec:DaemonSetSpec=2 status:*=3
DaemonSetSpec minReadySeconds:i=4 revisionHistoryLimit:i=6? selector:LabelSelector=1 template:PodTemplateSpec=2 updateStrategy:DaemonSetUpdateStrategy=3
DaemonSetUpdateStrategy type:s=1 rollingUpdate:RollingUpdateDaemonSet=2
RollingUpdateDaemonSet maxSurge:x=2? maxUnavailable:x=1?
Job spec:JobSpec=2 status:*=3
JobSpec activeDeadlineSeconds:i=3? backoffLimit:i=7? backoffLimitPerIndex:i=12? completionMode:s=9? completions:i=2? managedBy:s=15? manualSelector:b=5? maxFailedIndexes:i=13? parallelism:i=1? podFailurePolicy:*=11 podReplacementPolicy:s=14? selector:LabelSelector=4 successPolicy:*=16 suspend:b=10? template:PodTemplateSpec=6 ttlSecondsAfterFinished:i=8?
CronJob spec:CronJobSpec=2 status:*=3
CronJobSpec concurrencyPolicy:s=3 failedJobsHistoryLimit:i=7? jobTemplate:JobTemplateSpec=5 schedule:s=1 startingDeadlineSeconds:i=2? successfulJobsHistoryLimit:i=6? suspend:b=4? timeZone:s=8?
JobTemplateSpec metadata:ObjectMeta=1 spec:JobSpec=2

Service spec:ServiceSpec=2 status:*=3
ServiceSpec allocateLoadBalancerNodePorts:b=20? clusterIP:s=3 clusterIPs:[s]=18 externalIPs:[s]=5 externalName:s=10 externalTrafficPolicy:s=11 healthCheckNodePort:i=12 internalTrafficPolicy:s=22? ipFamilies:[s]=19 ipFamilyPolicy:s=17? loadBalancerClass:s=21? loadBalancerIP:s=8 loadBalancerSourceRanges:[s]=9 ports:[ServicePort]@port=1 publishNotReadyAddresses:b=13 selector:m=2 sessionAffinity:s=7 sessionAffinityConfig:*=14 trafficDistribution:s=23? type:s=4
ServicePort appProtocol:s=6? name:s=1 nodePort:i=5 port:i=3 protocol:s=2 targetPort:x=4
Endpoints subsets:*=2
EndpointSlice addressType:s=4 endpoints:*=2 ports:*=3
Ingress spec:IngressSpec=2 status:*=3
IngressSpec defaultBackend:IngressBackend=1 ingressClassName:s=4? rules:[IngressRule]=3 tls:[IngressTLS]=2
IngressBackend resource:TypedLocalObjectReference=3 service:IngressServiceBackend=4
IngressServiceBackend name:s=1 port:ServiceBackendPort=2
ServiceBackendPort name:s=1 number:i=2
IngressRule host:s=1 +:IngressRuleValue=2
IngressRuleValue http:HTTPIngressRuleValue=1
HTTPIngressRuleValue paths:[HTTPIngressPath]=1
HTTPIngressPath backend:IngressBackend=2 path:s=1 pathType:s=3?
IngressTLS hosts:[s]=1 secretName:s=2
IngressClass spec:*=2
NetworkPolicy spec:NetworkPolicySpec=2 status:*
NetworkPolicySpec egress:*=3 ingress:*=2 podSelector:LabelSelector=1 policyTypes:[s]=4
PodDisruptionBudget spec:PodDisruptionBudgetSpec=2 status:*=3
PodDisruptionBudgetSpec maxUnavailable:x=3? minAvailable:x=1? selector:LabelSelector=2 unhealthyPodEvictionPolicy:s=4?

PersistentVolumeClaim spec:PersistentVolumeClaimSpec=2 status:*=3
PersistentVolumeClaimSpec accessModes:[s]=1 dataSource:TypedLocalObjectReference=7 dataSourceRef:TypedLocalObjectReference=8 resources:ResourceRequirements=2 selector:LabelSelector=4 storageClassName:s=5? volumeAttributesClassName:s=9? volumeMode:s=6? volumeName:s=3
PersistentVolume spec:PersistentVolumeSpec=2 status:*=3
PersistentVolumeSpec accessModes:[s]=3 capacity:mq=1 claimRef:ObjectReference=4 mountOptions:[s]=7 nodeAffinity:*=9 persistentVolumeReclaimPolicy:s=5 storageClassName:s=6 volumeAttributesClassName:s=10? volumeMode:s=8? +:PersistentVolumeSource=2
PersistentVolumeSource awsElasticBlockStore:*=2 azureDisk:*=16 azureFile:*=13 cephfs:*=9 cinder:*=8 csi:*=22 fc:*=10 flexVolume:*=12 flocker:*=11 gcePersistentDisk:*=1 glusterfs:*=4 hostPath:HostPathVolumeSource=3 iscsi:*=7 local:*=20 nfs:*=5 photonPersistentDisk:*=17 portworxVolume:*=18 quobyte:*=15 rbd:*=6 scaleIO:*=19 storageos:*=21 vsphereVolume:*=14
StorageClass allowVolumeExpansion:b=6? allowedTopologies:*=8 mountOptions:[s]=5 parameters:m=3 provisioner:s=2 reclaimPolicy:s=4? volumeBindingMode:s=7?
CSIDriver spec:*=2
CSINode spec:*=2
VolumeAttachment spec:*=2 status:*=3
VolumeSnapshot spec:* status:*
VolumeSnapshotClass driver:s deletionPolicy:s parameters:m
VolumeSnapshotContent spec:* status:*

ConfigMap data:m=2 binaryData:mb=3 immutable:b=4?
Secret data:mb=2 stringData:m=4 immutable:b=5? type:s=3
ServiceAccount automountServiceAccountToken:b=4? imagePullSecrets:[LocalObjectReference]@name=3 secrets:[ObjectReference]@name=2
Namespace spec:NamespaceSpec=2 status:*=3
NamespaceSpec finalizers:[s]=1
Node spec:NodeSpec=2 status:*=3
NodeSpec configSource:*=6 externalID:s=2 podCIDR:s=1 podCIDRs:[s]@=7 providerID:s=3 taints:[Taint]=5 unschedulable:b=4
Taint key:s=1 value:s=2 effect:s=3 timeAdded:t=4
Event action:s=12 count:i=8 eventTime:t=10 firstTimestamp:t=6 involvedObject:ObjectReference=2 lastTimestamp:t=7 message:s=4 reason:s=3 related:ObjectReference=13 reportingComponent:s=14 reportingInstance:s=15 series:*=11 source:*=5 type:s=9
Lease spec:*=2
Role rules:[PolicyRule]=2
ClusterRole rules:[PolicyRule]=2 aggregationRule:*=3
RoleBinding roleRef:RoleRef=3 subjects:[Subject]=2
ClusterRoleBinding roleRef:RoleRef=3 subjects:[Subject]=2
PolicyRule apiGroups:[s]=2 nonResourceURLs:[s]=5 resourceNames:[s]=4 resources:[s]=3 verbs:[s]=1
RoleRef apiGroup:s=1 kind:s=2 name:s=3
Subject apiGroup:s=2 kind:s=1 name:s=3 namespace:s=4

DeleteOptions dryRun:[s]=5 gracePeriodSeconds:i=1? ignoreStoreReadErrorWithClusterBreakingPotential:b=6? orphanDependents:b=3? preconditions:Preconditions=2 propagationPolicy:s=4?
Preconditions resourceVersion:s=2? uid:s=1?
Eviction deleteOptions:DeleteOptions=2
SelfSubjectReview status:*=2
SelfSubjectAccessReview spec:SelfSubjectAccessReviewSpec=2 status:*=3
SelfSubjectAccessReviewSpec nonResourceAttributes:NonResourceAttributes=2 resourceAttributes:ResourceAttributes=1
NonResourceAttributes path:s=1 verb:s=2
ResourceAttributes fieldSelector:*=8 group:s=3 labelSelector:*=9 name:s=7 namespace:s=1 resource:s=5 subresource:s=6 verb:s=2 version:s=4
SelfSubjectRulesReview spec:SelfSubjectRulesReviewSpec=2 status:*=3
SelfSubjectRulesReviewSpec namespace:s=1
";
