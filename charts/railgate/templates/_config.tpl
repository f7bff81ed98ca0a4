{{/* Where the Secrets of `secrets` lie in the container: a file each, under the dotted name. */}}
{{- define "railgate.secretsFolder" -}}/run/secrets/railgate{{- end }}
{{- define "railgate.tlsFolder" -}}/run/secrets/tls{{- end }}

{{/* The text of proxy.toml. */}}
{{- define "railgate.proxyToml" -}}
{{- include "railgate.checked" . }}
{{- $config := include "railgate.config" . | fromYaml }}
{{- include "railgate.toml" (dict "table" $config "path" "") | trim }}
{{ end }}

{{/* What proxy.toml says, as YAML: what the chart knows, `config` over it, and references to the Secrets. */}}
{{- define "railgate.config" -}}
{{- $listener := omit .Values.listener "port" "host" }}
{{- $host := .Values.listener.host }}
{{- $waits := not (or (include "railgate.since" (dict "root" . "version" "1.30")) (and (eq .Values.mode "sidecar") (include "railgate.sidecar.isNative" .))) }}
{{- $host = ternary (printf "[%s]" $host) $host (contains ":" $host) }}
{{- $_ := set $listener "address" (printf "%s:%d" $host (int .Values.listener.port)) }}
{{- if .Values.tls.secretName }}
{{- $folder := include "railgate.tlsFolder" . }}
{{- $tls := dict "certificate" (printf "%s/tls.crt" $folder) "key" (printf "%s/tls.key" $folder) }}
{{- $_ := set $listener "tls" (mergeOverwrite $tls (deepCopy (.Values.listener.tls | default dict))) }}
{{- end }}
{{- $config := dict
  "state_dir" "/var/lib/railgate"
  "listeners" (list $listener)
  "server" (dict "shutdown_grace" (printf "%ds" (int .Values.shutdown.graceSeconds)))
  "admin" (dict "address" (printf "%s:%d" $host (int .Values.admin.port)) "exposed" true)
}}
{{- if $waits }}
{{- $_ := set $config.server "drain_delay" (printf "%ds" (int .Values.shutdown.preStopSeconds)) }}
{{- end }}
{{- if eq .Values.mode "sidecar" }}
{{- $_ := set $config "upstream" (dict "url" (printf "http://127.0.0.1:%d" (int .Values.sidecar.backend.port))) }}
{{- end }}
{{- $config = mergeOverwrite $config (deepCopy .Values.config) }}
{{- range $name, $_ := .Values.secrets }}
{{- $file := printf "%s/%s" (include "railgate.secretsFolder" $) $name }}
{{- include "railgate.put" (dict "table" $config "path" (splitList "." $name) "value" (dict "file" $file)) }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{/* Puts a value at a path, making the tables on the way. */}}
{{- define "railgate.put" -}}
{{- $key := first .path }}
{{- if eq (len .path) 1 }}
{{- $_ := set .table $key .value }}
{{- else }}
{{- if not (kindIs "map" (get .table $key)) }}
{{- $_ := set .table $key dict }}
{{- end }}
{{- include "railgate.put" (dict "table" (get .table $key) "path" (rest .path) "value" .value) }}
{{- end }}
{{- end }}

{{/* Whether sessions are in a file: there is no address in `secrets`, nor one of Redis in the configuration. */}}
{{- define "railgate.isEmbedded" -}}
{{- if not (hasKey .Values.secrets "store.url") }}
{{- $url := dig "store" "url" "" .Values.config }}
{{- if kindIs "string" $url }}{{ if not (hasPrefix "redis" $url) }}yes{{ end }}{{ end }}
{{- end }}
{{- end }}

{{/* The most pods that there may be at once. */}}
{{- define "railgate.mostReplicas" -}}
{{- ternary .Values.autoscaling.maxReplicas .Values.replicaCount .Values.autoscaling.enabled | int }}
{{- end }}

{{/* What a schema can't say. Nothing is printed; what is wrong ends the rendering. */}}
{{- define "railgate.checked" -}}
{{- if and (eq .Values.mode "gateway") (not (dig "upstream" "url" "" .Values.config)) }}
{{- fail "config.upstream.url is needed in gateway mode: where the backend is, such as http://backend.default.svc:8000" }}
{{- end }}
{{- if not (hasKey .Values.secrets "tokens.keys") }}
{{- fail "secrets needs \"tokens.keys\": name a Secret that holds what `railgate keygen` prints. A key that a pod makes for itself would be gone with it, and with the key everybody's session" }}
{{- end }}
{{- if and (dig "upstream" "identity" "assertion" false .Values.config) (not (hasKey .Values.secrets "upstream.identity.assertion_keys")) }}
{{- fail "secrets needs \"upstream.identity.assertion_keys\" for config.upstream.identity.assertion: name a Secret that holds what `railgate keygen --assertion` prints" }}
{{- end }}
{{- if and (include "railgate.isEmbedded" .) (gt (include "railgate.mostReplicas" . | int) 1) }}
{{- fail (printf "a file as the store is for one pod, and there may be %s. Name a Redis by \"store.url\" in secrets (or config.store.url), or set replicaCount to 1 without autoscaling" (include "railgate.mostReplicas" .)) }}
{{- end }}
{{- end }}
