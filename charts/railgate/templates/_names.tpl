{{- define "railgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "railgate.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "railgate.selectorLabels" -}}
app.kubernetes.io/name: {{ include "railgate.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "railgate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "railgate.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "railgate.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "railgate.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "railgate.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* Whether the chart makes the Deployment: not in sidecar mode, where another chart brings the backend. */}}
{{- define "railgate.hasDeployment" -}}
{{- if or (eq .Values.mode "gateway") .Values.sidecar.backend.image }}yes{{ end }}
{{- end }}

{{/* The cluster's version is this one or newer. Suffixes of distributions ("-gke.1", "+k3s1") don't count. */}}
{{- define "railgate.since" -}}
{{- $version := regexFind "^v?[0-9]+\\.[0-9]+" .root.Capabilities.KubeVersion.Version -}}
{{- if semverCompare (printf ">=%s.0" .version) (printf "%s.0" $version) }}yes{{ end }}
{{- end }}
