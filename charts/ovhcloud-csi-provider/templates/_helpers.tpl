{{- define "ovhcloud.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ovhcloud.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := include "ovhcloud.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ovhcloud.selectorLabels" -}}
app.kubernetes.io/name: {{ include "ovhcloud.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ovhcloud.labels" -}}
{{ include "ovhcloud.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ovhcloud.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "ovhcloud.fullname" .) }}
{{- else }}
{{- .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "ovhcloud.image" -}}
{{- $repository := .Values.image.repository | default "" }}
{{- if not $repository }}
{{- include "ovhcloud.refuseSecondRelease" . }}
{{- fail "\n\nimage.repository is not set, and there is no public image yet. Build the image from this repository and\npush it to a registry that the nodes can pull from:\n\n  docker build -t REGISTRY/ovhcloud-csi-provider:TAG . && docker push REGISTRY/ovhcloud-csi-provider:TAG\n\nThen add --set image.repository=REGISTRY/ovhcloud-csi-provider,image.tag=TAG" }}
{{- end }}
{{- if regexMatch "[:@][^/]*$" $repository }}
{{- fail (printf "\n\nimage.repository is %q: set the part after %q as image.tag or image.digest." $repository (regexFind "^.*/[^:@]*|^[^:@]*" $repository)) }}
{{- end }}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- define "ovhcloud.auditDir" -}}
{{- .Values.auditLog.hostDir | trimSuffix "/" }}
{{- end }}

{{- /* The name of the seccomp profile in kubelet's directory of profiles. */}}
{{- define "ovhcloud.seccompFile" -}}
{{ include "ovhcloud.fullname" . }}.json
{{- end }}

{{- /* The security context of the container, with the provider's own seccomp profile if that is installed. */}}
{{- define "ovhcloud.securityContext" -}}
{{- $context := .Values.securityContext | default dict }}
{{- if .Values.seccomp.install }}
{{- $context = merge (dict "seccompProfile" (dict "type" "Localhost" "localhostProfile" (include "ovhcloud.seccompFile" .))) $context }}
{{- end }}
{{- with $context }}
{{- toYaml . }}
{{- end }}
{{- end }}

{{- define "ovhcloud.socketDir" -}}
{{- .Values.socketDir | trimSuffix "/" }}
{{- end }}

{{- define "ovhcloud.endpoint" -}}
--endpoint=unix://{{ include "ovhcloud.socketDir" . }}/ovhcloud.sock
{{- end }}

{{- /* The daemon's command line, one argument per line. */}}
{{- define "ovhcloud.args" -}}
- {{ include "ovhcloud.endpoint" . }}
- --admin-address=:{{ .Values.admin.port }}
- --mount-timeout={{ .Values.mountTimeoutSeconds }}s
- --max-reads={{ .Values.maxReads }}
- --cache-ttl={{ .Values.cacheTTL }}
- {{ printf "--cache-bytes=%s" (include "ovhcloud.cacheBytes" .) | quote }}
- --max-stale={{ .Values.maxStale }}
{{- if .Values.connections }}
- --config=/etc/ovhcloud-csi/config/connections.yaml
{{- end }}
- --log-format={{ .Values.logging.format }}
- --v={{ .Values.logging.level }}
{{- if include "ovhcloud.callsAPIServer" . }}
- --node-name=$(NODE_NAME)
{{- end }}
{{- if .Values.events.enabled }}
- --events
{{- end }}
{{- with .Values.startupTaint }}
- --startup-taint={{ . }}
{{- end }}
{{- if eq .Values.auditLog.to "stdout" }}
- --audit-log=-
{{- else if .Values.auditLog.to }}
- {{ printf "--audit-log=%s/audit.log" (include "ovhcloud.auditDir" .) | quote }}
{{- end }}
{{- with .Values.tracing.endpoint }}
- {{ printf "--otlp-endpoint=%s" . | quote }}
{{- end }}
{{- with .Values.profiles.port }}
- --pprof-address=127.0.0.1:{{ . }}
{{- end }}
{{- range .Values.allowEndpoints }}
- {{ printf "--allow-endpoint=%s" . | quote }}
{{- end }}
{{- range $name, $value := .Values.flags }}
{{- with get (fromYaml (include "ovhcloud.flagValues" .)) $name }}
{{- fail (printf "\n\nflags.%s: the chart sets this flag. %s." $name .) }}
{{- end }}
{{- range kindIs "slice" $value | ternary $value (list $value) }}
- {{ printf "--%s=%v" $name . | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* "true" if the provider calls the API server, so that it needs a token and permissions; else empty. */}}
{{- define "ovhcloud.callsAPIServer" -}}
{{- if or .Values.events.enabled .Values.startupTaint }}true{{ end }}
{{- end }}

{{- /* Two providers on one socket would keep taking it over from each other, so a second release fails. */}}
{{- define "ovhcloud.refuseSecondRelease" -}}
{{- if .Values.refuseSecondRelease }}
{{- $annotation := "ovhcloud-csi-provider/socket-dir" }}
{{- range (lookup "apps/v1" "DaemonSet" "" "").items }}
{{- $of := .metadata.annotations | default dict }}
{{- if eq (get $of $annotation) (include "ovhcloud.socketDir" $) }}
{{- $name := get $of "meta.helm.sh/release-name" | default .metadata.name }}
{{- $namespace := get $of "meta.helm.sh/release-namespace" | default .metadata.namespace }}
{{- if or (ne $name $.Release.Name) (ne $namespace $.Release.Namespace) }}
{{- fail (printf "\n\nThe provider is already installed: release %q in namespace %q uses the same socketDir, %s.\nUpgrade that release (helm upgrade %s … -n %s), uninstall it first, or set another socketDir." $name $namespace (include "ovhcloud.socketDir" $) $name $namespace) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ovhcloud.checkSubchart" -}}
{{- $driver := index .Values "secrets-store-csi-driver" }}
{{- if and $driver.enabled (not (hasKey .Subcharts "secrets-store-csi-driver")) }}
{{- fail "\n\nsecrets-store-csi-driver.enabled is true, but this copy of the chart does not contain the driver.\nOnly the package made by `make chart-package` does. Install that package, or install the driver with its own chart." }}
{{- end }}
{{- end }}

{{- /* Flags that the value flags may not contain, and what to do instead. */}}
{{- define "ovhcloud.flagValues" -}}
endpoint: Set the value socketDir
config: Set the value connections
admin-address: Set the value admin.port
mount-timeout: Set the value mountTimeoutSeconds
max-reads: Set the value maxReads
cache-ttl: Set the value cacheTTL
cache-bytes: Set the value cacheBytes
max-stale: Set the value maxStale
allow-endpoint: Set the value allowEndpoints
log-format: Set the value logging.format
events: Set the value events.enabled
startup-taint: Set the value startupTaint
node-name: Remove it; the chart sets it if it is needed
v: Set the value logging.level
audit-log: Set the value auditLog
otlp-endpoint: Set the value tracing.endpoint
pprof-address: Set the value profiles.port
seccomp-profile: Set the value seccomp.install
probe: Remove it; only probes use it
version: Remove it; with it, the provider prints its version and exits
{{- end }}

{{- /* The number of bytes of a quantity such as 64Mi, 1.5G, 1e9 or 67108864. helm parses a plain number as a float. */}}
{{- define "ovhcloud.bytes" -}}
{{- $text := kindIs "string" . | ternary (toString .) (printf "%.0f" (float64 .)) }}
{{- $unit := regexFind "([kKMGTPE]i?|m)?$" $text }}
{{- $factors := dict "" 1.0 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 }}
{{- mulf (trimSuffix $unit $text | float64) (get $factors $unit) | int64 }}
{{- end }}

{{- /* Mounts and cache share five eighths of the memory limit, so the cache could never use more than half. */}}
{{- define "ovhcloud.cacheBytes" -}}
{{- $memory := ((.Values.resources | default dict).limits | default dict).memory }}
{{- /* Without a limit, the provider assumes 256Mi. */}}
{{- $limit := include "ovhcloud.bytes" ($memory | default "256Mi") | int64 }}
{{- if lt $limit 67108864 }}
{{- fail (printf "\n\nresources.limits.memory is %v: the provider needs at least 64Mi. Set resources.limits.memory to 64Mi or more." (kindIs "string" $memory | ternary $memory $limit)) }}
{{- end }}
{{- $cache := kindIs "string" .Values.cacheBytes | ternary (toString .Values.cacheBytes) (include "ovhcloud.bytes" .Values.cacheBytes) }}
{{- if gt (include "ovhcloud.bytes" $cache | int64) (div $limit 2) }}
{{- $is := "without a memory limit the provider uses at most 256Mi" }}
{{- if $memory }}
{{- $is = printf "resources.limits.memory is %v" (kindIs "string" $memory | ternary $memory $limit) }}
{{- end }}
{{- fail (printf "\n\ncacheBytes is %s, and %s. The cache can have at most half of the memory.\nSet cacheBytes to %dMi or less, or raise resources.limits.memory." $cache $is (div $limit 2097152)) }}
{{- end }}
{{- $cache }}
{{- end }}

{{- /* The file of --config: the connections, each with the directory where its Secret is mounted. */}}
{{- define "ovhcloud.config" -}}
connections:
{{- range $name, $connection := .Values.connections }}
{{- if and $connection.region $connection.endpoint }}
{{- fail (printf "\n\nconnections.%s: region and endpoint cannot be combined. Remove one of them." $name) }}
{{- end }}
{{- if $connection.fallback }}
{{- if not (hasKey $.Values.connections $connection.fallback) }}
{{- fail (printf "\n\nconnections.%s.fallback: there is no connection %q. Set it to the name of another connection." $name $connection.fallback) }}
{{- else if eq $name $connection.fallback }}
{{- fail (printf "\n\nconnections.%s.fallback is the connection itself. Set it to the name of another connection." $name) }}
{{- end }}
{{- end }}
  {{ $name | quote }}:
    credentialsDir: {{ printf "/etc/ovhcloud-csi/credentials/%s" $name }}
    {{- omit $connection "existingSecret" | toYaml | nindent 4 }}
{{- end }}
{{- end }}

{{- /* A volume's name has at most 63 characters, so long names of connections are hashed. */}}
{{- define "ovhcloud.volume" -}}
{{- if gt (len .) 50 }}credential-{{ . | sha256sum | trunc 16 }}{{ else }}credential-{{ . }}{{ end }}
{{- end }}

{{- /* How a monitor scrapes an endpoint: its interval, and the node of the pod as a label. */}}
{{- define "ovhcloud.scrape" -}}
path: /metrics
{{- with .interval }}
interval: {{ . }}
{{- end }}
relabelings:
  - {sourceLabels: [__meta_kubernetes_pod_node_name], targetLabel: node}
{{- end }}

{{- /* The ports that the provider connects to, as a JSON list: 443, and those of endpoints and proxy. */}}
{{- define "ovhcloud.egressPorts" -}}
{{- $ports := list 443 }}
{{- range concat (list .Values.proxy.https) .Values.allowEndpoints }}
{{- $ports = append $ports (include "ovhcloud.port" . | int) }}
{{- end }}
{{- range .Values.connections }}
{{- $ports = append $ports (include "ovhcloud.port" (.endpoint | default "") | int) }}
{{- end }}
{{- $ports | uniq | toJson }}
{{- end }}

{{- /* The port of a host, host:port or URL; 443, or 80 of an http:// URL, if it has none. */}}
{{- define "ovhcloud.port" -}}
{{- $authority := regexReplaceAll "^[a-z]+://|[/?#].*$" . "" }}
{{- regexFind ":[0-9]+$" $authority | trimPrefix ":" | default (hasPrefix "http://" . | ternary "80" "443") }}
{{- end }}

{{- /* A matchCondition: an object from before a policy can be changed otherwise, for example to remove its finalizers. */}}
{{- define "ovhcloud.changedSpec" -}}
- name: new-or-changed
  expression: 'request.operation == "CREATE" || !has(oldObject.spec) || object.spec != oldObject.spec'
{{- end }}

{{- /* What an admission policy applies to: the provider's classes. */}}
{{- define "ovhcloud.classesOnly" -}}
failurePolicy: Fail
matchConstraints:
  resourceRules:
    - apiGroups: [secrets-store.csi.x-k8s.io]
      apiVersions: [v1]
      resources: [secretproviderclasses]
      operations: [CREATE, UPDATE]
matchConditions:
  - name: class-of-this-provider
    expression: 'has(object.spec) && has(object.spec.provider) && object.spec.provider == "ovhcloud"'
  {{- include "ovhcloud.changedSpec" . | nindent 2 }}
{{- end }}

{{- /* A variable of an admission policy: the parameters of a class. */}}
{{- define "ovhcloud.parameters" -}}
- name: parameters
  expression: 'has(object.spec.parameters) ? object.spec.parameters : {}'
{{- end }}

{{- /* The binding of an admission policy, by the end of its name. */}}
{{- define "ovhcloud.policyBinding" }}
{{- $ := index . 0 }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ include "ovhcloud.fullname" $ }}-{{ index . 1 }}
  labels:
    {{- include "ovhcloud.labels" $ | nindent 4 }}
spec:
  policyName: {{ include "ovhcloud.fullname" $ }}-{{ index . 1 }}
  validationActions: {{ $.Values.admissionPolicy.validationActions | toJson }}
  {{- with $.Values.admissionPolicy.namespaceSelector }}
  matchResources:
    namespaceSelector:
      {{- toYaml . | nindent 6 }}
  {{- end }}
{{- end }}
