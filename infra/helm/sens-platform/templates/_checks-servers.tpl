{{/* Database, NATS and mock broker: embedded or external, and what fits into what. */}}

{{- define "checks.database" -}}
{{- $database := .Values.timescaledb -}}
{{- $embedded := eq $database.mode "embedded" -}}
{{- $external := not $embedded -}}
{{- include "refuse.when" (list (and $embedded (not $database.enabled))
  "timescaledb.enabled is false while timescaledb.mode is embedded; set mode to external and external.host to your server, or enable it") -}}
{{- include "refuse.when" (list (not $database.existingSecret)
  (printf "timescaledb.existingSecret: name the Secret with the keys %sowner-password, writer-password, reader-password, backup-password and monitor-password" (ternary "admin-password, " "" $embedded))) -}}
{{- include "refuse.when" (list (and $external (not $database.external.host))
  "timescaledb.external.host: name your PostgreSQL server, or set timescaledb.mode to embedded") -}}
{{- include "refuse.when" (list (and $embedded $database.external.host)
  "timescaledb.external.host is set while timescaledb.mode is embedded; set mode to external, or leave the host empty") -}}
{{- include "refuse.when" (list (and $external (eq $database.external.sslMode "verify-ca") (not $database.external.caSecret.name))
  "timescaledb.external.caSecret.name: verify-ca needs the authority's certificate; name its Secret, or write sslMode: verify-full") -}}
{{- include "refuse.when" (list (and $external .Values.networkPolicy.enabled (not .Values.networkPolicy.egress.database))
  "networkPolicy.egress.database: name the addresses of the external database, for example [{to: [{ipBlock: {cidr: 10.1.2.3/32}}], ports: [5432]}]; nothing else may be reached") -}}
{{- include "refuse.when" (list (and $embedded (not .Values.migrations.enabled))
  "migrations.enabled: nothing else makes the roles and the schema of the embedded database; set it to true") -}}
{{- $names := values $database.roles -}}
{{- include "refuse.when" (list (ne (len $names) (len (uniq $names)))
  "timescaledb.roles: two roles have the same name; each needs its own, because each may do other things") -}}
{{- end }}

{{/* What is left beside them is for the data, and for the memory of queries. */}}
{{- define "checks.databaseSizes" -}}
{{- $database := .Values.timescaledb -}}
{{- if eq $database.mode "embedded" -}}
  {{- $ofPostgres := dict "shared_buffers" "128MB" "max_wal_size" "1GB" -}}
  {{- range $name, $size := merge dict (pick $database.settings "shared_buffers" "max_wal_size") $ofPostgres -}}
  {{- include "refuse.when" (list (not (regexMatch "^[0-9]+ *(kB|MB|GB|TB)$" (toString $size)))
    (printf "timescaledb.settings.%s: %v is no size with its unit; write it as 256MB or 1GB" $name $size)) -}}
  {{- $_ := set $ofPostgres $name $size -}}
  {{- end -}}
  {{- $shared := add (include "sens.bytes" $ofPostgres.shared_buffers) (include "sens.bytes" $database.sharedMemory) -}}
  {{- $limit := $database.resources.limits.memory -}}
  {{- include "refuse.when" (list (gt (mul 2 $shared) (include "sens.bytes" $limit | int64))
    (printf "timescaledb.settings.shared_buffers: %s, with the %s of sharedMemory, is more than half of the memory limit of %v, and queries need the rest; lower it, or raise timescaledb.resources.limits.memory" $ofPostgres.shared_buffers $database.sharedMemory $limit)) -}}
  {{- $volume := $database.persistence -}}
  {{- include "refuse.when" (list (and $volume.enabled (gt (mul 2 (include "sens.bytes" $ofPostgres.max_wal_size)) (include "sens.bytes" $volume.size | int64)))
    (printf "timescaledb.settings.max_wal_size: %s is more than half of the volume of %s, and data needs the rest; lower it, or raise timescaledb.persistence.size" $ofPostgres.max_wal_size $volume.size)) -}}
{{- end -}}
{{- end }}

{{- define "checks.nats" -}}
{{- $nats := .Values.nats -}}
{{- $embedded := eq $nats.mode "embedded" -}}
{{- $external := not $embedded -}}
{{- include "refuse.when" (list (and $embedded (not $nats.enabled))
  "nats.enabled is false while nats.mode is embedded; set mode to external and external.hosts to your servers, or enable it") -}}
{{- include "refuse.when" (list (and $embedded (not $nats.auth.existingSecret))
  (printf "nats.auth.existingSecret: name the Secret with the key %s" $nats.auth.passwordKey)) -}}
{{- include "refuse.when" (list (and $embedded $nats.auth.credentialsKey)
  "nats.auth.credentialsKey: the embedded NATS knows user and password only; leave it empty, or set nats.mode to external") -}}
{{- include "refuse.when" (list (and $nats.auth.credentialsKey (not $nats.auth.existingSecret))
  "nats.auth.existingSecret: name the Secret that holds the credentials file") -}}
{{- include "refuse.when" (list (and $external (not $nats.external.hosts))
  "nats.external.hosts: name your NATS servers, or set nats.mode to embedded") -}}
{{- include "refuse.when" (list (and $embedded $nats.external.hosts)
  "nats.external.hosts is set while nats.mode is embedded; set mode to external, or leave it empty") -}}
{{- include "refuse.when" (list (and $external .Values.networkPolicy.enabled (not .Values.networkPolicy.egress.nats))
  "networkPolicy.egress.nats: name the addresses of the external NATS, for example [{to: [{ipBlock: {cidr: 10.1.2.0/24}}], ports: [4222]}]; nothing else may be reached") -}}
{{- include "refuse.when" (list (and $embedded (gt (int $nats.stream.replicas) 1))
  "nats.stream.replicas: the embedded NATS is one server and keeps one copy; set it to 1, or set nats.mode to external") -}}
{{- include "refuse.when" (list (and $embedded $nats.persistence.enabled (gt (include "nats.fileStore" . | int64) (include "sens.bytes" $nats.persistence.size | int64)))
  (printf "nats.stream.maxSize: the log (%s and a tenth for the rest) does not fit the volume of %s; lower it, or raise nats.persistence.size" $nats.stream.maxSize $nats.persistence.size)) -}}
{{- end }}

{{- define "checks.mockBroker" -}}
{{- $broker := .Values.mockMqttBroker -}}
{{- include "refuse.when" (list (and $broker.enabled (eq .Values.environment "production"))
  "mockMqttBroker.enabled: the mock broker takes messages from anybody and has no place in production; set it to false, or set environment to local, test or staging") -}}
{{- $memory := $broker.resources.limits.memory -}}
{{- include "refuse.when" (list (and $broker.enabled (gt (mul 2 (include "sens.bytes" $broker.maxQueuedSize)) (include "sens.bytes" $memory | int64)))
  (printf "mockMqttBroker.maxQueuedSize: it queues in memory, and %s is more than half of the limit of %v; lower it, or raise mockMqttBroker.resources.limits.memory" $broker.maxQueuedSize $memory)) -}}
{{- include "refuse.when" (list (and $broker.simulator.enabled (not $broker.enabled))
  "mockMqttBroker.simulator.enabled: the simulator runs beside the mock broker; set mockMqttBroker.enabled to true as well") -}}
{{- $host := printf "%s-mock-mqtt-broker" .Release.Name -}}
{{- $read := false -}}
{{- range .Values.config.sources }}{{ if contains (printf "//%s" $host) .broker }}{{ $read = true }}{{ end }}{{ end -}}
{{- include "refuse.when" (list (and $broker.enabled (not $read))
  (printf "mockMqttBroker.enabled: no source reads the mock broker; write mqtt://%s:%v as the broker of one in config.sources, or disable it" $host $broker.service.port)) -}}
{{- end }}
