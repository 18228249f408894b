{{/* A setting's value as the text of a variable: numbers of YAML are floats here. */}}
{{- define "tickhouse.text" -}}
{{- if kindIs "float64" . }}{{ if eq . (floor .) }}{{ printf "%.0f" . }}{{ else }}{{ . }}{{ end }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{/* The port of each component's metrics: the settings' own. */}}
{{- define "tickhouse.metricsPorts" -}}
{{ .Files.Get "metrics-ports.json" }}
{{- end }}
