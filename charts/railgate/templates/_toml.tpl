{{/*
TOML of a map. Helm's own toToml writes whole numbers as 8000.0, which is no count, and times as text.

  railgate.toml        dict "table" MAP "path" ""      a table with those below it
  railgate.toml.value  dict "value" ANYTHING           what stands behind a `=`
*/}}
{{- define "railgate.toml" -}}
{{- $path := .path }}
{{- range $key, $value := .table }}
{{- if not (or (kindIs "invalid" $value) (include "railgate.toml.isTable" $value) (include "railgate.toml.isTables" $value)) }}
{{ $key }} = {{ include "railgate.toml.value" (dict "value" $value) }}
{{- end }}
{{- end }}
{{- range $key, $value := .table }}
{{- $name := ternary (printf "%s.%s" $path $key) $key (ne $path "") }}
{{- if include "railgate.toml.isTable" $value }}

[{{ $name }}]
{{- include "railgate.toml" (dict "table" $value "path" $name) }}
{{- else if include "railgate.toml.isTables" $value }}
{{- range $value }}

[[{{ $name }}]]
{{- include "railgate.toml" (dict "table" . "path" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* A map, unless it says where the value comes from: { env = … }, { file = … }. */}}
{{- define "railgate.toml.isTable" -}}
{{- if kindIs "map" . }}{{ if not (or (hasKey . "env") (hasKey . "file")) }}yes{{ end }}{{ end }}
{{- end }}

{{- define "railgate.toml.isTables" -}}
{{- if kindIs "slice" . }}{{ if . }}{{ include "railgate.toml.isTable" (first .) }}{{ end }}{{ end }}
{{- end }}

{{- define "railgate.toml.value" -}}
{{- $value := .value }}
{{- if kindIs "map" $value -}}
{ {{- range $at, $key := keys $value | sortAlpha }}{{ if $at }},{{ end }} {{ $key }} = {{ include "railgate.toml.value" (dict "value" (get $value $key)) }}{{ end }} }
{{- else if kindIs "slice" $value -}}
[{{ range $at, $one := $value }}{{ if $at }}, {{ end }}{{ include "railgate.toml.value" (dict "value" $one) }}{{ end }}]
{{- else if kindIs "float64" $value -}}
{{- ternary (printf "%.0f" $value) (toString $value) (eq (floor $value) $value) }}
{{- else if kindIs "string" $value -}}
{{- $isTime := regexMatch "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$" $value }}
{{- ternary $value (toJson $value) $isTime }}
{{- else -}}
{{- $value }}
{{- end }}
{{- end }}
