{{/*
What values can't be together. The schema has judged each value by itself; here stand the sentences for combinations, each with the
key and what to write instead. The first one found ends the render, so nothing reaches the cluster.
*/}}
{{- define "sens.checks" -}}
{{- include "checks.release" . -}}
{{- include "checks.configuration" . -}}
{{- include "checks.database" . -}}
{{- include "checks.nats" . -}}
{{- include "checks.mockBroker" . -}}
{{- include "checks.exposure" . -}}
{{- include "checks.network" . -}}
{{- include "checks.scaling" . -}}
{{- include "checks.storage" . -}}
{{- include "checks.monitoring" . -}}
{{- end }}

{{- define "checks.release" -}}
{{- if gt (len .Release.Name) 30 -}}
{{- fail (printf "the release's name %q is too long: names of pods are made of it; choose one of 30 characters or fewer" .Release.Name) -}}
{{- end -}}
{{- end }}

{{- define "checks.configuration" -}}
{{- if not .Values.config -}}
{{- fail "config: no source is declared; write what sens.yaml would hold, at least one source with its broker and topics" -}}
{{- end -}}
{{- range $kind := list "sources" "tenants" -}}
  {{- $names := list -}}
  {{- range index $.Values.config $kind -}}
    {{- if has .name $names -}}
    {{- fail (printf "config.%s: %q stands twice; give each its own name" $kind .name) -}}
    {{- end -}}
    {{- $names = append $names .name -}}
  {{- end -}}
{{- end -}}
{{- $worker := .Values.mqttIngestionWorker -}}
{{- $given := keys $worker.env -}}
{{- range $worker.secretRefs }}{{ $given = append $given .env }}{{ end -}}
{{- range .Values.config.sources -}}
  {{- $password := .password | default dict -}}
  {{- if and $password.env (not $worker.envFrom) (not (has $password.env $given)) -}}
  {{- fail (printf "config: the password of source %q is read from %s, which the ingestion worker does not have; add to mqttIngestionWorker.secretRefs: {env: %s, secret: NAME, key: KEY}" .name $password.env $password.env) -}}
  {{- end -}}
{{- end -}}
{{- range $name, $key := include "sens.running" . | fromYaml -}}
  {{- $values := index $.Values $key -}}
  {{- range $values.secretRefs -}}
  {{- if hasKey $values.env .env -}}
  {{- fail (printf "%s: %s stands in env and in secretRefs; keep one" $key .env) -}}
  {{- end -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "checks.database" -}}
{{- $database := .Values.timescaledb -}}
{{- if and (eq $database.mode "embedded") (not $database.enabled) -}}
{{- fail "timescaledb.enabled is false while timescaledb.mode is embedded; set mode to external and external.host to your server, or enable it" -}}
{{- end -}}
{{- if not $database.existingSecret -}}
{{- fail (printf "timescaledb.existingSecret: name the Secret with the keys %sowner-password, writer-password, reader-password and backup-password" (ternary "admin-password, " "" (eq $database.mode "embedded"))) -}}
{{- end -}}
{{- if and (eq $database.mode "external") (not $database.external.host) -}}
{{- fail "timescaledb.external.host: name your PostgreSQL server, or set timescaledb.mode to embedded" -}}
{{- end -}}
{{- if and (eq $database.mode "embedded") $database.external.host -}}
{{- fail "timescaledb.external.host is set while timescaledb.mode is embedded; set mode to external, or leave the host empty" -}}
{{- end -}}
{{- if and (eq $database.mode "external") (eq $database.external.sslMode "verify-ca") (not $database.external.caSecret.name) -}}
{{- fail "timescaledb.external.caSecret.name: verify-ca needs the authority's certificate; name its Secret, or write sslMode: verify-full" -}}
{{- end -}}
{{- if and (eq $database.mode "external") .Values.networkPolicy.enabled (not .Values.networkPolicy.egress.database) -}}
{{- fail "networkPolicy.egress.database: name the addresses of the external database, for example [{to: [{ipBlock: {cidr: 10.1.2.3/32}}], ports: [5432]}]; nothing else may be reached" -}}
{{- end -}}
{{- $names := values $database.roles -}}
{{- if ne (len $names) (len (uniq $names)) -}}
{{- fail "timescaledb.roles: two roles have the same name; each needs its own, because each may do other things" -}}
{{- end -}}
{{- end }}

{{- define "checks.nats" -}}
{{- $nats := .Values.nats -}}
{{- if and (eq $nats.mode "embedded") (not $nats.enabled) -}}
{{- fail "nats.enabled is false while nats.mode is embedded; set mode to external and external.hosts to your servers, or enable it" -}}
{{- end -}}
{{- if and (eq $nats.mode "embedded") (not $nats.auth.existingSecret) -}}
{{- fail (printf "nats.auth.existingSecret: name the Secret with the key %s" $nats.auth.passwordKey) -}}
{{- end -}}
{{- if and (eq $nats.mode "embedded") $nats.auth.credentialsKey -}}
{{- fail "nats.auth.credentialsKey: the embedded NATS knows user and password only; leave it empty, or set nats.mode to external" -}}
{{- end -}}
{{- if and $nats.auth.credentialsKey (not $nats.auth.existingSecret) -}}
{{- fail "nats.auth.existingSecret: name the Secret that holds the credentials file" -}}
{{- end -}}
{{- if and (eq $nats.mode "external") (not $nats.external.hosts) -}}
{{- fail "nats.external.hosts: name your NATS servers, or set nats.mode to embedded" -}}
{{- end -}}
{{- if and (eq $nats.mode "embedded") $nats.external.hosts -}}
{{- fail "nats.external.hosts is set while nats.mode is embedded; set mode to external, or leave it empty" -}}
{{- end -}}
{{- if and (eq $nats.mode "external") .Values.networkPolicy.enabled (not .Values.networkPolicy.egress.nats) -}}
{{- fail "networkPolicy.egress.nats: name the addresses of the external NATS, for example [{to: [{ipBlock: {cidr: 10.1.2.0/24}}], ports: [4222]}]; nothing else may be reached" -}}
{{- end -}}
{{- if and (eq $nats.mode "embedded") (gt (int $nats.stream.replicas) 1) -}}
{{- fail "nats.stream.replicas: the embedded NATS is one server and keeps one copy; set it to 1, or set nats.mode to external" -}}
{{- end -}}
{{- if and (eq $nats.mode "embedded") $nats.persistence.enabled (gt (include "nats.fileStore" . | int64) (include "sens.bytes" $nats.persistence.size | int64)) -}}
{{- fail (printf "nats.stream.maxSize: the log (%s and a tenth for the rest) does not fit the volume of %s; lower it, or raise nats.persistence.size" $nats.stream.maxSize $nats.persistence.size) -}}
{{- end -}}
{{- end }}

{{- define "checks.mockBroker" -}}
{{- $broker := .Values.mockMqttBroker -}}
{{- if and $broker.enabled (eq .Values.environment "production") -}}
{{- fail "mockMqttBroker.enabled: the mock broker takes messages from anybody and has no place in production; set it to false, or set environment to local, test or staging" -}}
{{- end -}}
{{- if and $broker.simulator.enabled (not $broker.enabled) -}}
{{- fail "mockMqttBroker.simulator.enabled: the simulator runs beside the mock broker; set mockMqttBroker.enabled to true as well" -}}
{{- end -}}
{{- if $broker.enabled -}}
  {{- $host := printf "%s-mock-mqtt-broker" .Release.Name -}}
  {{- $read := false -}}
  {{- range .Values.config.sources }}{{ if contains (printf "//%s" $host) .broker }}{{ $read = true }}{{ end }}{{ end -}}
  {{- if not $read -}}
  {{- fail (printf "mockMqttBroker.enabled: no source reads the mock broker; write mqtt://%s:%v as the broker of one in config.sources, or disable it" $host $broker.service.port) -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "checks.exposure" -}}
{{- range $key := list "mqttIngestionWorker" "telemetryWorker" "migrations" "timescaledb" "nats" "mockMqttBroker" -}}
  {{- $values := index $.Values $key -}}
  {{- if $values.ingress.enabled -}}
  {{- fail (printf "%s.ingress.enabled: this component stays inside the cluster; only platformApi, docs and webConsole may be published" $key) -}}
  {{- end -}}
  {{- if ne $values.service.type "ClusterIP" -}}
  {{- fail (printf "%s.service.type: this component stays inside the cluster; leave it ClusterIP" $key) -}}
  {{- end -}}
{{- end -}}
{{- range $key := list "platformApi" "docs" "webConsole" -}}
  {{- $values := index $.Values $key -}}
  {{- if and $values.ingress.enabled (not $values.ingress.hosts) -}}
  {{- fail (printf "%s.ingress.hosts: name the hosts to publish it under, or disable the ingress" $key) -}}
  {{- end -}}
  {{- if and $values.ingress.enabled (not $values.enabled) -}}
  {{- fail (printf "%s.ingress.enabled: the component itself is disabled; enable it, or disable the ingress" $key) -}}
  {{- end -}}
{{- end -}}
{{- range .Values.platformApi.ingress.paths -}}
  {{- if or (eq . "/") (hasPrefix "/metrics" .) -}}
  {{- fail (printf "platformApi.ingress.paths: %s would publish the metrics; name what is public, for example /api, /healthz, /readyz, /version" .) -}}
  {{- end -}}
{{- end -}}
{{- if and .Values.webConsole.enabled .Values.webConsole.ingress.enabled (not .Values.platformApi.enabled) -}}
{{- fail "webConsole.ingress.enabled: the console talks to platform-api on its own host; enable platformApi" -}}
{{- end -}}
{{- end }}

{{/* A rule without a peer would be open to everybody, and so would one that selects nothing. */}}
{{- define "checks.network" -}}
{{- range $end := list "dns" "ingressController" "scraper" -}}
  {{- $peers := index $.Values.networkPolicy $end -}}
  {{- if not $peers -}}
  {{- fail (printf "networkPolicy.%s: the list is empty, and its ports would be open to everybody; name who it is" $end) -}}
  {{- end -}}
  {{- include "checks.peers" (dict "at" $end "peers" $peers) -}}
  {{- range $peers -}}
    {{- if hasSuffix "/0" (dig "ipBlock" "cidr" "" .) -}}
    {{- fail (printf "networkPolicy.%s: %s is everybody; name its addresses" $end .ipBlock.cidr) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- range $end := list "brokers" "database" "nats" -}}
  {{- range index $.Values.networkPolicy.egress $end -}}
    {{- if not .to -}}
    {{- fail (printf "networkPolicy.egress.%s: the list is empty, and everything could be reached on its ports; name who it is" $end) -}}
    {{- end -}}
    {{- include "checks.peers" (dict "at" (printf "egress.%s" $end) "peers" .to) -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "checks.peers" -}}
{{- range .peers -}}
  {{- $selectors := list (dig "namespaceSelector" "matchLabels" nil .) (dig "namespaceSelector" "matchExpressions" nil .) (dig "podSelector" "matchLabels" nil .) (dig "podSelector" "matchExpressions" nil .) -}}
  {{- if and .ipBlock (or .namespaceSelector .podSelector) -}}
  {{- fail (printf "networkPolicy.%s: an entry has ipBlock and selectors; write two entries" $.at) -}}
  {{- end -}}
  {{- if not (or .ipBlock (compact $selectors)) -}}
  {{- fail (printf "networkPolicy.%s: an entry selects nothing, which is everybody; name who it is by labels or ipBlock" $.at) -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "checks.scaling" -}}
{{- range $key := list "timescaledb" "nats" "mockMqttBroker" "migrations" -}}
  {{- $values := index $.Values $key -}}
  {{- if or $values.autoscaling.enabled (gt (int $values.replicas) 1) -}}
  {{- fail (printf "%s.replicas: there can be only one; leave replicas at 1 and autoscaling disabled (several database or NATS servers: mode external)" $key) -}}
  {{- end -}}
{{- end -}}
{{- if .Values.mqttIngestionWorker.autoscaling.enabled -}}
{{- fail "mqttIngestionWorker.autoscaling.enabled: brokers keep the share of a member that goes away, so scaling down needs `sens source drain` first; set replicas by hand" -}}
{{- end -}}
{{- if gt (int .Values.mqttIngestionWorker.replicas) 16 -}}
{{- fail "mqttIngestionWorker.replicas: a shared source has at most 16 members; set 16 or fewer" -}}
{{- end -}}
{{- range $key := list "platformApi" "telemetryWorker" "webConsole" "docs" -}}
  {{- $autoscaling := (index $.Values $key).autoscaling -}}
  {{- if and $autoscaling.enabled (gt (int $autoscaling.minReplicas) (int $autoscaling.maxReplicas)) -}}
  {{- fail (printf "%s.autoscaling: minReplicas is above maxReplicas; swap them" $key) -}}
  {{- end -}}
{{- end -}}
{{- if .Values.migrations.pdb.enabled -}}
{{- fail "migrations.pdb.enabled: a Job has no pods to keep up; leave it false" -}}
{{- end -}}
{{- end }}

{{- define "checks.storage" -}}
{{- range $key := list "platformApi" "mqttIngestionWorker" "telemetryWorker" "webConsole" "docs" "migrations" -}}
  {{- if (index $.Values $key).persistence.enabled -}}
  {{- fail (printf "%s.persistence.enabled: this component keeps no data; leave it false" $key) -}}
  {{- end -}}
{{- end -}}
{{- if has .Values.environment (list "staging" "production") -}}
  {{- range $key := list "timescaledb" "nats" -}}
    {{- $values := index $.Values $key -}}
    {{- if and (eq $values.mode "embedded") (not $values.persistence.enabled) -}}
    {{- fail (printf "%s.persistence.enabled: without it every restart loses what was stored; enable it in %s" $key $.Values.environment) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "checks.monitoring" -}}
{{- if and .Values.monitoring.annotations .Values.monitoring.podMonitor.enabled -}}
{{- fail "monitoring: with annotations and PodMonitors everything would be scraped twice; set monitoring.annotations to false" -}}
{{- end -}}
{{- range $key := list "webConsole" "docs" "migrations" "mockMqttBroker" -}}
  {{- if (index $.Values $key).metrics.enabled -}}
  {{- fail (printf "%s.metrics.enabled: this component has no metrics; leave it false" $key) -}}
  {{- end -}}
{{- end -}}
{{- end }}
