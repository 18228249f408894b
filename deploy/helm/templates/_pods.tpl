{{- define "tickhouse.labels" -}}
app.kubernetes.io/name: tickhouse
app.kubernetes.io/instance: {{ .release }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "tickhouse.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Which secrets a kind of pod needs: what is not named here is not in its pod. Of A|B the first that exists. */}}
{{- define "tickhouse.needs" -}}
all: [TICKHOUSE_KAFKA_PASSWORD, TICKHOUSE_ALERTS_WEBHOOK, TICKHOUSE_ALERTS_SMTP_PASSWORD]
store: [TICKHOUSE_S3_ACCESS_KEY, TICKHOUSE_S3_SECRET_KEY]
streamDatabase: [TICKHOUSE_POSTGRES_STREAM_PASSWORD|TICKHOUSE_POSTGRES_PASSWORD, TICKHOUSE_POSTGRES_READER_PASSWORD]
traderDatabase: [TICKHOUSE_POSTGRES_TRADER_PASSWORD|TICKHOUSE_POSTGRES_PASSWORD, TICKHOUSE_POSTGRES_READER_PASSWORD]
dashboardDatabase: [TICKHOUSE_POSTGRES_DASHBOARD_PASSWORD|TICKHOUSE_POSTGRES_PASSWORD, TICKHOUSE_POSTGRES_READER_PASSWORD]
feed: [TICKHOUSE_VENUES_DERIBIT_KEY, TICKHOUSE_VENUES_DERIBIT_SECRET, TICKHOUSE_VENUES_CRYPTOCOMPARE_KEY]
account: [TICKHOUSE_VENUES_GEMINI_KEY, TICKHOUSE_VENUES_GEMINI_SECRET]
prepare:
  - TICKHOUSE_POSTGRES_PASSWORD
  - TICKHOUSE_POSTGRES_STREAM_PASSWORD
  - TICKHOUSE_POSTGRES_TRADER_PASSWORD
  - TICKHOUSE_POSTGRES_DASHBOARD_PASSWORD
  - TICKHOUSE_POSTGRES_READER_PASSWORD
  - TICKHOUSE_POSTGRES_AIRFLOW_PASSWORD
  - TICKHOUSE_AIRFLOW_PASSWORD
{{- end }}

{{- define "tickhouse.secretName" -}}
{{ .Values.secrets.existing | default (printf "%s-secrets" .Release.Name) }}
{{- end }}

{{/* The names of this pod's secrets that exist, one a line. */}}
{{- define "tickhouse.granted" -}}
{{- $there := .root.Values.secrets.names -}}
{{- if not .root.Values.secrets.existing }}{{ $there = keys .root.Values.secrets.values }}{{ end -}}
{{- $needs := include "tickhouse.needs" . | fromYaml -}}
{{- $names := list -}}
{{- range prepend .grants "all" -}}
{{- range get $needs . -}}
{{- $found := "" -}}
{{- range splitList "|" . }}{{ if and (not $found) (has . $there) }}{{ $found = . }}{{ end }}{{ end -}}
{{- if $found }}{{ $names = append $names $found }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $names | join "\n" -}}
{{- end }}

{{/* The pod of one component: root, component, command, grants, metrics port or probe, disk. */}}
{{- define "tickhouse.pod" -}}
{{- $root := .root -}}
{{- $granted := include "tickhouse.granted" . -}}
metadata:
  labels:
    {{- include "tickhouse.labels" (dict "release" $root.Release.Name "component" .component) | nindent 4 }}
  annotations:
    checksum/settings: {{ toJson $root.Values.settings | sha256sum }}
    checksum/secrets: {{ toJson $root.Values.secrets | sha256sum }}
spec:
  {{- with .hostname }}
  hostname: {{ . }}
  {{- end }}
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 40
  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    runAsGroup: 1000
    fsGroup: 1000
    seccompProfile: {type: RuntimeDefault}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .kind }}
      image: {{ include "tickhouse.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: {{ toJson .command }}
      envFrom:
        - configMapRef: {name: {{ $root.Release.Name }}-settings}
      env:
        - {name: TICKHOUSE_VAR, value: /opt/tickhouse/var}
        - {name: TICKHOUSE_PORTS_HOST, value: 0.0.0.0}
        {{- with .metrics }}
        - {name: {{ .setting }}, value: {{ .port | quote }}}
        {{- end }}
        {{- range splitList "\n" $granted }}
        {{- if . }}
        - {name: {{ . }}_FILE, value: /run/secrets/tickhouse/{{ . }}}
        {{- end }}
        {{- end }}
      {{- with .ports }}
      ports:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .probe }}
      startupProbe: {{ toJson (merge (dict "periodSeconds" 5 "failureThreshold" 180 "timeoutSeconds" 10) .) }}
      livenessProbe: {{ toJson (merge (dict "periodSeconds" 15 "failureThreshold" 4 "timeoutSeconds" 10) .) }}
      readinessProbe: {{ toJson (merge (dict "periodSeconds" 15 "failureThreshold" 2 "timeoutSeconds" 10) .) }}
      {{- end }}
      resources: {{ toJson (get $root.Values.resources .kind) }}
      securityContext:
        allowPrivilegeEscalation: false
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: state, mountPath: /opt/tickhouse/var}
        {{- if $granted }}
        - {name: secrets, mountPath: /run/secrets/tickhouse, readOnly: true}
        {{- end }}
  volumes:
    - name: state
      {{- if $root.Values.state.claim }}
      persistentVolumeClaim: {claimName: {{ $root.Values.state.claim }}}
      {{- else if .disk }}
      persistentVolumeClaim: {claimName: {{ .disk }}}
      {{- else }}
      emptyDir: {}
      {{- end }}
    {{- if $granted }}
    - name: secrets
      secret:
        secretName: {{ include "tickhouse.secretName" $root }}
        defaultMode: 0440
        items:
          {{- range splitList "\n" $granted }}
          - {key: {{ . }}, path: {{ . }}}
          {{- end }}
    {{- end }}
{{- end }}

{{/* A Deployment of one pod, ended before its successor begins. */}}
{{- define "tickhouse.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .root.Release.Name }}-{{ .component }}
  labels:
    {{- include "tickhouse.labels" (dict "release" .root.Release.Name "component" .component) | nindent 4 }}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector:
    matchLabels:
      {{- include "tickhouse.labels" (dict "release" .root.Release.Name "component" .component) | nindent 6 }}
  template:
    {{- include "tickhouse.pod" . | nindent 4 }}
{{- end }}
