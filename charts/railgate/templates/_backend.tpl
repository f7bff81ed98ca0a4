{{/* The backend's container in a Deployment that the chart makes. It has no port: nobody but the gateway reaches it. */}}
{{- define "railgate.backendContainer" -}}
{{- with .Values.sidecar.backend -}}
- name: backend
  image: {{ .image }}
  imagePullPolicy: {{ .imagePullPolicy }}
  {{- range $key := list "command" "args" "env" "envFrom" "resources" "securityContext" "volumeMounts" "readinessProbe" "livenessProbe" }}
  {{- with get $.Values.sidecar.backend $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  lifecycle:
    {{- include "railgate.sidecar.backendLifecycle" $ | nindent 4 }}
{{- end }}
{{- end }}
