{{/* The gateway's container, but for what makes a native sidecar of it. */}}
{{- define "railgate.container" -}}
name: railgate
image: {{ include "railgate.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [run, --config, /etc/railgate/proxy.toml]
ports:
  - name: http
    containerPort: {{ .Values.listener.port }}
    protocol: TCP
  - name: admin
    containerPort: {{ .Values.admin.port }}
    protocol: TCP
{{- with .Values.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
startupProbe:
  {{- include "railgate.probe" (list "/livez" .Values.probes.liveness) | nindent 2 }}
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  {{- include "railgate.probe" (list "/livez" .Values.probes.liveness) | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 3
readinessProbe:
  {{- include "railgate.probe" (list "/readyz" .Values.probes.readiness) | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 3
{{- if and .Values.shutdown.preStopSeconds (include "railgate.since" (dict "root" . "version" "1.30")) }}
lifecycle:
  preStop:
    sleep:
      seconds: {{ .Values.shutdown.preStopSeconds }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  - name: railgate-config
    mountPath: /etc/railgate
    readOnly: true
  - name: railgate-secrets
    mountPath: {{ include "railgate.secretsFolder" . }}
    readOnly: true
  - name: railgate-state
    mountPath: /var/lib/railgate
  {{- if .Values.tls.secretName }}
  - name: railgate-tls
    mountPath: {{ include "railgate.tlsFolder" . }}
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* What a probe does: a path of the admin listener, unless the values say something else. */}}
{{- define "railgate.probe" -}}
{{- toYaml (last . | default (dict "httpGet" (dict "path" (first .) "port" "admin"))) }}
{{- end }}

{{/*
The volumes that the container mounts. Files of Secrets may be read by all: only the gateway's container has them, and in
somebody else's pod nobody knows what group it would be.
*/}}
{{- define "railgate.volumes" -}}
{{ include "railgate.fileVolumes" . }}
- name: railgate-state
  {{- if and .Values.persistence.enabled (include "railgate.isEmbedded" .) }}
  persistentVolumeClaim:
    claimName: {{ .Values.persistence.existingClaim | default (include "railgate.fullname" .) }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}

{{/* Those that are only read. */}}
{{- define "railgate.fileVolumes" -}}
- name: railgate-config
  configMap:
    name: {{ include "railgate.fullname" . }}
- name: railgate-secrets
  projected:
    defaultMode: 0444
    sources:
      {{- range $name, $secret := .Values.secrets }}
      - secret:
          name: {{ $secret.name }}
          items:
            - key: {{ $secret.key }}
              path: {{ $name }}
      {{- end }}
{{- if .Values.tls.secretName }}
- name: railgate-tls
  secret:
    secretName: {{ .Values.tls.secretName }}
    defaultMode: 0444
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* New pods when the configuration changes. */}}
{{- define "railgate.podAnnotations" -}}
checksum/railgate-config: {{ include "railgate.proxyToml" . | sha256sum }}
{{- end }}
