{{/* A setting's value as the text of a variable: numbers of YAML are floats here. */}}
{{- define "tickhouse.text" -}}
{{- if kindIs "float64" . }}{{ if eq . (floor .) }}{{ printf "%.0f" . }}{{ else }}{{ . }}{{ end }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{/* How many processes a venue's feed has: the setting's number. */}}
{{- define "tickhouse.shards" -}}
{{ get .root.Values.settings (printf "TICKHOUSE_VENUES_%s_SHARDS" (upper .venue)) | default 1 | int }}
{{- end }}

{{/* The name of a feed's process, as the code has it: the first without a number. */}}
{{- define "tickhouse.feed" -}}
feed-{{ .venue }}{{ if gt (.number | int) 1 }}-{{ .number }}{{ end }}
{{- end }}

{{/* The port of each component that these values have, further shards of feeds too. */}}
{{- define "tickhouse.wantedPorts" -}}
{{- $root := . }}
{{- range $component, $port := include "tickhouse.metricsPorts" . | fromYaml }}
{{- if not (hasPrefix "feed-" $component) }}
{{ $component }}: {{ $port }}
{{- else if has (trimPrefix "feed-" $component) $root.Values.feeds.names }}
{{- $venue := trimPrefix "feed-" $component }}
{{- $count := include "tickhouse.shards" (dict "root" $root "venue" $venue) | int }}
{{- range $number := untilStep 1 (add1 $count | int) 1 }}
{{ include "tickhouse.feed" (dict "venue" $venue "number" $number) }}: {{ add $port (mul 100 (sub $number 1)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The port of each component's metrics: the settings' own. */}}
{{- define "tickhouse.metricsPorts" -}}
{{ .Files.Get "metrics-ports.json" }}
{{- end }}
