{{/*
The gateway as a container of another chart's pods. Give the templates this chart's own context:

  {{ include "railgate.sidecar.initContainers" .Subcharts.railgate | nindent 8 }}

  railgate.sidecar.podAnnotations                  of the pod template
  railgate.sidecar.initContainers                  below initContainers; nothing where the sidecar isn't native
  railgate.sidecar.containers                      below containers; nothing where it is
  railgate.sidecar.volumes                         below volumes
  railgate.sidecar.backendLifecycle                below `lifecycle` of the backend's container
  railgate.sidecar.terminationGracePeriodSeconds   a number
*/}}
{{- define "railgate.sidecar.podAnnotations" -}}
{{- include "railgate.podAnnotations" . }}
{{- end }}

{{- define "railgate.sidecar.initContainers" -}}
{{- if include "railgate.sidecar.isNative" . }}
- restartPolicy: Always
  {{- include "railgate.container" . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "railgate.sidecar.containers" -}}
{{- if not (include "railgate.sidecar.isNative" .) }}
- {{- include "railgate.container" . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "railgate.sidecar.volumes" -}}
{{- include "railgate.volumes" . }}
{{- end }}

{{/*
The backend has to be there as long as the gateway passes something on: until nobody new is sent to the pod, and in an
ordinary container also until the gateway has finished. Before Kubernetes 1.30 its image needs `sleep`.
*/}}
{{- define "railgate.sidecar.backendLifecycle" -}}
preStop:
  {{- if include "railgate.since" (dict "root" . "version" "1.30") }}
  sleep:
    seconds: {{ include "railgate.sidecar.backendWaits" . }}
  {{- else }}
  exec:
    command: [sleep, {{ include "railgate.sidecar.backendWaits" . | quote }}]
  {{- end }}
{{- end }}

{{- define "railgate.sidecar.backendWaits" -}}
{{- $gateway := ternary 0 .Values.shutdown.graceSeconds (eq (include "railgate.sidecar.isNative" .) "yes") }}
{{- add .Values.shutdown.preStopSeconds $gateway 1 }}
{{- end }}

{{/* Native, the gateway begins to stop when the backend has; else the backend when the gateway has. */}}
{{- define "railgate.sidecar.terminationGracePeriodSeconds" -}}
{{- add .Values.shutdown.preStopSeconds .Values.sidecar.backend.graceSeconds .Values.shutdown.graceSeconds 5 }}
{{- end }}

{{- define "railgate.sidecar.isNative" -}}
{{- $native := toString .Values.sidecar.native }}
{{- if eq $native "auto" }}{{ include "railgate.since" (dict "root" . "version" "1.29") }}{{ else if eq $native "true" }}yes{{ end }}
{{- end }}
