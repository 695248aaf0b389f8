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
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) }}
{{- end }}
{{- end }}

{{- define "ovhcloud.socketDir" -}}
{{- .Values.socketDir | trimSuffix "/" }}
{{- end }}

{{- define "ovhcloud.endpoint" -}}
--endpoint=unix://{{ include "ovhcloud.socketDir" . }}/ovhcloud.sock
{{- end }}

{{- /* The daemon's command line, one argument a line. */}}
{{- define "ovhcloud.args" -}}
- {{ include "ovhcloud.endpoint" . }}
- --admin-address=:{{ .Values.admin.port }}
- --mount-timeout={{ .Values.mountTimeoutSeconds }}s
- --max-reads={{ .Values.maxReads }}
- --cache-ttl={{ .Values.cacheTTL }}
- {{ printf "--cache-bytes=%s" (include "ovhcloud.bytes" .Values.cacheBytes) | quote }}
- --max-stale={{ .Values.maxStale }}
{{- if .Values.connections }}
- --config=/etc/ovhcloud-csi/config/connections.yaml
{{- end }}
- --log-format={{ .Values.logging.format }}
- --v={{ .Values.logging.level }}
{{- range .Values.allowEndpoints }}
- {{ printf "--allow-endpoint=%s" . | quote }}
{{- end }}
{{- range $name, $value := .Values.flags }}
{{- range kindIs "slice" $value | ternary $value (list $value) }}
- {{ printf "--%s=%v" $name . | quote }}
{{- end }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Two providers on one socket take it from each other, so a second release is an error. */}}
{{- define "ovhcloud.refuseSecondRelease" -}}
{{- if .Values.refuseSecondRelease }}
{{- $annotation := "ovhcloud-csi-provider/socket-dir" }}
{{- range (lookup "apps/v1" "DaemonSet" "" "").items }}
{{- $of := .metadata.annotations | default dict }}
{{- if eq (get $of $annotation) (include "ovhcloud.socketDir" $) }}
{{- $name := get $of "meta.helm.sh/release-name" | default .metadata.name }}
{{- $namespace := get $of "meta.helm.sh/release-namespace" | default .metadata.namespace }}
{{- if or (ne $name $.Release.Name) (ne $namespace $.Release.Namespace) }}
{{- fail (printf "\n\nThe provider is installed already: release %q in namespace %q serves the same socket folder %s.\nUpgrade that one (helm upgrade %s … -n %s), uninstall it first, or set socketDir." $name $namespace (include "ovhcloud.socketDir" $) $name $namespace) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ovhcloud.checkSubchart" -}}
{{- $driver := index .Values "secrets-store-csi-driver" }}
{{- if and $driver.enabled (not (hasKey .Subcharts "secrets-store-csi-driver")) }}
{{- fail "\n\nsecrets-store-csi-driver.enabled is true, but this copy of the chart has no driver inside.\nOnly the package that `make chart-package` makes has one. Install that, or install the driver by its own chart." }}
{{- end }}
{{- end }}

{{- /* helm reads a bare number as a float: 67108864 would become 6.7108864e+07. */}}
{{- define "ovhcloud.bytes" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ int64 . }}{{ end }}
{{- end }}

{{- /* The file of --config: the connections of the values, with the folder of each one's Secret. */}}
{{- define "ovhcloud.config" -}}
connections:
{{- range $name, $connection := .Values.connections }}
{{- if and $connection.region $connection.endpoint }}
{{- fail (printf "\n\nconnections.%s: give region or endpoint, not both." $name) }}
{{- end }}
{{- if $connection.fallback }}
{{- if not (hasKey $.Values.connections $connection.fallback) }}
{{- fail (printf "connections.%s.fallback: there is no connection %q" $name $connection.fallback) }}
{{- else if eq $name $connection.fallback }}
{{- fail (printf "connections.%s.fallback: is the connection itself" $name) }}
{{- end }}
{{- end }}
  {{ $name | quote }}:
    credentialsDir: {{ printf "/etc/ovhcloud-csi/credentials/%s" $name }}
    {{- omit $connection "existingSecret" | toYaml | nindent 4 }}
{{- end }}
{{- end }}

{{- /* Names of volumes are as short as names of connections, so long ones are hashed. */}}
{{- define "ovhcloud.volume" -}}
{{- if gt (len .) 50 }}credential-{{ . | sha256sum | trunc 16 }}{{ else }}credential-{{ . }}{{ end }}
{{- end }}
