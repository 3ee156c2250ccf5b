{{/*
The edges that the data path has, as one list: who connects to whom, on which port of the pod. Each end of an edge is a component,
or one of `networkPolicy`: ingressController, scraper, dns, and the lists of `networkPolicy.egress` (brokers, database, nats).
NetworkPolicies are made from this list alone; what is not in it is closed.
*/}}
{{- define "sens.edges" -}}
{{- $v := .Values -}}
{{- $database := ternary "timescaledb" "external-database" (eq $v.timescaledb.mode "embedded") -}}
{{- $nats := ternary "nats" "external-nats" (eq $v.nats.mode "embedded") -}}
{{- if $v.mqttIngestionWorker.enabled }}
- {from: mqtt-ingestion-worker, to: {{ $nats }}, port: 4222}
- {from: mqtt-ingestion-worker, to: external-brokers}
- {from: scraper, to: mqtt-ingestion-worker, port: 9090, metrics: mqttIngestionWorker}
{{- if $v.mockMqttBroker.enabled }}
- {from: mqtt-ingestion-worker, to: mock-mqtt-broker, port: 1883}
{{- end }}
{{- end }}
{{- if $v.telemetryWorker.enabled }}
- {from: telemetry-worker, to: {{ $nats }}, port: 4222}
- {from: telemetry-worker, to: {{ $database }}, port: 5432}
- {from: scraper, to: telemetry-worker, port: 9090, metrics: telemetryWorker}
{{- end }}
{{- if $v.platformApi.enabled }}
- {from: platform-api, to: {{ $nats }}, port: 4222}
- {from: platform-api, to: {{ $database }}, port: 5432}
- {from: scraper, to: platform-api, port: 9090, metrics: platformApi}
{{- if or $v.platformApi.ingress.enabled (and $v.webConsole.enabled $v.webConsole.ingress.enabled) }}
- {from: ingressController, to: platform-api, port: 8080}
{{- end }}
{{- end }}
{{- if and $v.webConsole.enabled $v.webConsole.ingress.enabled }}
- {from: ingressController, to: web-console, port: 8080}
{{- end }}
{{- if and $v.docs.enabled $v.docs.ingress.enabled }}
- {from: ingressController, to: docs, port: 8080}
{{- end }}
{{- if $v.migrations.enabled }}
- {from: migrations, to: {{ $database }}, port: 5432}
{{- end }}
{{- if $v.smokeTest.enabled }}
- {from: smoke-test, to: platform-api, port: 8080}
{{- if $v.docs.enabled }}
- {from: smoke-test, to: docs, port: 8080}
{{- end }}
{{- end }}
{{- if and $v.timescaledb.enabled (eq $v.timescaledb.mode "embedded") }}
- {from: scraper, to: timescaledb, port: 9187, metrics: timescaledb}
{{- end }}
{{- if and $v.nats.enabled (eq $v.nats.mode "embedded") }}
- {from: scraper, to: nats, port: 7777, metrics: nats}
{{- end }}
{{- end }}

{{/* Components that this release runs, each with its block in the values. */}}
{{- define "sens.running" -}}
{{- $v := .Values -}}
{{- range $key, $name := dict "platformApi" "platform-api" "mqttIngestionWorker" "mqtt-ingestion-worker" "telemetryWorker" "telemetry-worker" "webConsole" "web-console" "docs" "docs" "migrations" "migrations" "smokeTest" "smoke-test" "timescaledb" "timescaledb" "nats" "nats" "mockMqttBroker" "mock-mqtt-broker" }}
{{- $values := index $v $key }}
{{- if and $values.enabled (ne ($values.mode | default "embedded") "external") }}
{{ $name }}: {{ $key }}
{{- end }}
{{- end }}
{{- end }}

{{/* The far end of an edge as peers of a NetworkPolicy. */}}
{{- define "sens.peers" -}}
{{- $outside := pick .root.Values.networkPolicy "dns" "ingressController" "scraper" -}}
{{- if hasKey $outside .end }}
{{- toYaml (get $outside .end) }}
{{- else -}}
- podSelector:
    matchLabels:
      {{- include "sens.selectorLabels" (dict "root" .root "name" .end) | nindent 6 }}
{{- end }}
{{- end }}

{{- define "sens.ingressRules" -}}
{{- $name := .name -}}
{{- $root := .root -}}
{{- range include "sens.edges" .root | fromYamlArray }}
{{- if and (eq .to $name) (or (not .metrics) (index $root.Values (.metrics | default "nats")).metrics.enabled) }}
- from:
    {{- include "sens.peers" (dict "root" $root "end" .from) | nindent 4 }}
  ports:
    - {protocol: TCP, port: {{ .port }}}
{{- end }}
{{- end }}
{{- end }}

{{- define "sens.egressRules" -}}
{{- $name := .name -}}
{{- $root := .root -}}
{{- $connects := false -}}
{{- range include "sens.edges" .root | fromYamlArray }}
{{- if eq .from $name }}
{{- $connects = true }}
{{- if hasPrefix "external-" .to }}
{{- range index $root.Values.networkPolicy.egress (trimPrefix "external-" .to) }}
- to:
    {{- toYaml .to | nindent 4 }}
  ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end }}
{{- else }}
- to:
    {{- include "sens.peers" (dict "root" $root "end" .to) | nindent 4 }}
  ports:
    - {protocol: TCP, port: {{ .port }}}
{{- end }}
{{- end }}
{{- end }}
{{- if $connects }}
- to:
    {{- include "sens.peers" (dict "root" $root "end" "dns") | nindent 4 }}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end }}
{{- end }}
