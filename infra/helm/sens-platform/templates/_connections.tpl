{{/*
How our own pods reach what they need: the configuration, the database as one of its roles, NATS. Each piece is YAML: environment
(name -> value), secret environment (name -> {secret, key}), volumes and mounts.
*/}}

{{/* What each of our backend containers gets. */}}
{{- define "sens.releaseEnv" -}}
SENS_DEPLOYED_VERSION: {{ include "sens.tag" (dict "image" (index .root.Values .key).image "ours" true "root" .root "at" .key) | quote }}
SENS_LOG_FORMAT: json
{{- end }}

{{/* And each of our processes that stay up. */}}
{{- define "sens.processEnv" -}}
{{ include "sens.releaseEnv" . }}
SENS_CONFIG: /etc/sens/sens.yaml
SENS_OPS_HOST: 0.0.0.0
SENS_OPS_PORT: "9090"
{{- end }}

{{- define "sens.processPorts" -}}
ports:
  {{- if .httpPort }}
  - name: http
    containerPort: {{ .httpPort }}
    protocol: TCP
  {{- end }}
  - name: ops
    containerPort: 9090
    protocol: TCP
{{- end }}

{{- define "sens.processMounts" -}}
- name: config
  mountPath: /etc/sens
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- end }}

{{- define "sens.processVolumes" -}}
- name: config
  configMap:
    name: {{ .root.Release.Name }}-config-{{ include "sens.configHash" . }}
- name: tmp
  emptyDir:
    medium: Memory
    sizeLimit: 64Mi
{{- end }}

{{/* Asks the ops port; the process itself says whether it turns and whether it can work. */}}
{{- define "sens.askHealth" -}}
httpGet:
  path: /healthz
  port: {{ . }}
{{- end }}

{{- define "sens.askReady" -}}
httpGet:
  path: /readyz
  port: {{ . }}
{{- end }}

{{/* ── the database, as the role `role` (owner, writer, reader, backup, monitor) ── */}}
{{- define "sens.databaseHost" -}}
{{- $database := .root.Values.timescaledb -}}
{{- if eq $database.mode "embedded" -}}
host={{ .root.Release.Name }}-timescaledb port={{ $database.service.port }} sslmode=disable
{{- else -}}
host={{ $database.external.host }} port={{ $database.external.port }} sslmode={{ $database.external.sslMode }}
{{- if $database.external.caSecret.name }} sslrootcert=/run/database-ca/ca.crt{{ else if hasPrefix "verify" $database.external.sslMode }} sslrootcert=system{{ end }}
{{- end -}}
{{- end }}

{{- define "sens.databaseEnv" -}}
SENS_DATABASE_URL: {{ printf "%s dbname=%s user=%s" (include "sens.databaseHost" .) .root.Values.timescaledb.database (index .root.Values.timescaledb.roles .role) | quote }}
{{- end }}

{{- define "sens.databaseSecretEnv" -}}
PGPASSWORD: {secret: {{ .root.Values.timescaledb.existingSecret }}, key: {{ .role }}-password}
{{- end }}

{{- define "sens.databaseMounts" -}}
{{- if include "sens.databaseCa" . }}
- name: database-ca
  mountPath: /run/database-ca
  readOnly: true
{{- end }}
{{- end }}

{{- define "sens.databaseVolumes" -}}
{{- if include "sens.databaseCa" . }}
- name: database-ca
  secret:
    secretName: {{ .root.Values.timescaledb.external.caSecret.name }}
    items:
      - key: {{ .root.Values.timescaledb.external.caSecret.key }}
        path: ca.crt
{{- end }}
{{- end }}

{{- define "sens.databaseCa" -}}
{{- if and (eq .root.Values.timescaledb.mode "external") .root.Values.timescaledb.external.caSecret.name }}yes{{ end }}
{{- end }}

{{- define "sens.configHash" -}}
{{ toYaml .root.Values.config | sha256sum | trunc 10 }}
{{- end }}

{{/*
Says what is wrong in the configuration, with its line, before the pod starts: a Deployment keeps its running pods then. Of the
ingestion worker's StatefulSet the highest pod has gone by then, because no two pods may bear one name; those below it go on.
*/}}
{{- define "sens.checkConfiguration" -}}
{{- include "sens.initContainer" (merge (dict "initName" "check-configuration" "args" "[check, /etc/sens/sens.yaml]" "initMounts" (include "sens.processMounts" .)) .) }}
{{- end }}

{{/* Keeps the pod from starting before the schema is new enough: `helm --wait` and Argo CD wait with it. */}}
{{- define "sens.waitForSchema" -}}
{{- $mounts := printf "%s%s" (include "sens.processMounts" .) (include "sens.databaseMounts" .) -}}
{{- include "sens.initContainer" (merge (dict "initName" "wait-for-schema" "args" "[migrate, --wait, --timeout, \"600\"]" "initMounts" $mounts) .) }}
{{- end }}

{{/* A container of our image that runs before the component's own, with its environment: initName, args, initMounts. */}}
{{- define "sens.initContainer" -}}
{{- $values := index .root.Values .key -}}
- name: {{ .initName }}
  image: {{ include "sens.image" (dict "image" $values.image "ours" true "root" .root "at" .key) }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  args: {{ .args }}
  {{- include "sens.env" (dict "root" .root "key" .key "fixed" .fixed "secret" .secret) | trim | nindent 2 }}
  resources:
    {{- toYaml $values.resources | nindent 4 }}
  securityContext:
    {{- include "sens.containerSecurity" . | nindent 4 }}
  volumeMounts:
    {{- .initMounts | trim | nindent 4 }}
    {{- with include "sens.extraVolumeMounts" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* ── NATS ── */}}
{{- define "sens.natsEnv" -}}
{{- $nats := .root.Values.nats -}}
SENS_NATS_REPLICAS: {{ $nats.stream.replicas | quote }}
{{- if eq $nats.mode "embedded" }}
SENS_NATS_URL: nats://{{ .root.Release.Name }}-nats:{{ $nats.service.port }}
{{- else }}
{{- $urls := list -}}
{{- range $nats.external.hosts }}{{ $urls = append $urls (printf "%s://%s:%v" (ternary "tls" "nats" $nats.external.tls) . $nats.external.port) }}{{ end }}
SENS_NATS_URL: {{ join "," $urls }}
{{- if $nats.external.caSecret.name }}
SENS_NATS_CA: /run/nats-ca/ca.crt
{{- end }}
{{- end }}
{{- if $nats.auth.credentialsKey }}
SENS_NATS_CREDENTIALS: /run/nats-credentials/nats.creds
{{- else if $nats.auth.existingSecret }}
SENS_NATS_USER: {{ $nats.auth.user | quote }}
{{- end }}
{{- end }}

{{/* What decides how the log is made; both workers must be told the same. */}}
{{- define "sens.streamEnv" -}}
SENS_RAW_STREAM_MAX_BYTES: {{ include "sens.bytes" .root.Values.nats.stream.maxSize | quote }}
{{- end }}

{{- define "sens.natsSecretEnv" -}}
{{- if and .root.Values.nats.auth.existingSecret (not .root.Values.nats.auth.credentialsKey) }}
SENS_NATS_PASSWORD: {secret: {{ .root.Values.nats.auth.existingSecret }}, key: {{ .root.Values.nats.auth.passwordKey }}}
{{- end }}
{{- end }}

{{- define "sens.natsCa" -}}
{{- if and (eq .root.Values.nats.mode "external") .root.Values.nats.external.caSecret.name }}yes{{ end }}
{{- end }}

{{- define "sens.natsMounts" -}}
{{- if include "sens.natsCa" . }}
- name: nats-ca
  mountPath: /run/nats-ca
  readOnly: true
{{- end }}
{{- if .root.Values.nats.auth.credentialsKey }}
- name: nats-credentials
  mountPath: /run/nats-credentials
  readOnly: true
{{- end }}
{{- end }}

{{- define "sens.natsVolumes" -}}
{{- if include "sens.natsCa" . }}
- name: nats-ca
  secret:
    secretName: {{ .root.Values.nats.external.caSecret.name }}
    items:
      - key: {{ .root.Values.nats.external.caSecret.key }}
        path: ca.crt
{{- end }}
{{- if .root.Values.nats.auth.credentialsKey }}
- name: nats-credentials
  secret:
    secretName: {{ .root.Values.nats.auth.existingSecret }}
    items:
      - key: {{ .root.Values.nats.auth.credentialsKey }}
        path: nats.creds
{{- end }}
{{- end }}

{{/* What a change of rolls the pods that read it. */}}
{{/* Of the database's Secrets: the passwords in `passwords` (by role) and the authority's certificate. */}}
{{- define "sens.databaseSum" -}}
{{- $database := .root.Values.timescaledb -}}
{{- range .passwords }}{{ $database.existingSecret }}/{{ . }}/{{ index $database.secretVersions . }} {{ end -}}
{{- if include "sens.databaseCa" . }}{{ include "sens.secretSum" $database.external.caSecret }}{{ end -}}
{{- end }}
{{- define "sens.natsSum" -}}
{{- $nats := .root.Values.nats -}}
{{ $nats.auth.existingSecret }}/{{ $nats.auth.secretVersion }}
{{- if include "sens.natsCa" . }} {{ include "sens.secretSum" $nats.external.caSecret }}{{ end -}}
{{- end }}
{{- define "sens.secretSum" -}}
{{ .name | default .existingSecret }}/{{ .key }}/{{ .secretVersion }}
{{- end }}
