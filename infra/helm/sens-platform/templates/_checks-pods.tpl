{{/* What every pod keeps, how many there may be, what they store and what is measured of them. */}}

{{- define "checks.pods" -}}
{{- range $name, $key := include "sens.running" . | fromYaml -}}
  {{- $values := index $.Values $key -}}
  {{- range $values.extraVolumes -}}
  {{- $unsafe := omit .volume "configMap" "secret" "emptyDir" "projected" "persistentVolumeClaim" "downwardAPI" "csi" "ephemeral" | keys | sortAlpha -}}
  {{- include "refuse.when" (list $unsafe
    (printf "%s.extraVolumes: %s is of the kind %s, which restricted pods may not have; take configMap, secret, projected, persistentVolumeClaim, csi or ephemeral" $key .name (join ", " $unsafe))) -}}
    {{- range dig "projected" "sources" list .volume -}}
    {{- include "refuse.when" (list (hasKey . "serviceAccountToken")
      (printf "%s.extraVolumes: no pod has a token for Kubernetes, whose API none may reach; take serviceAccountToken out" $key)) -}}
    {{- end -}}
  {{- end -}}
  {{- range $annotation, $_ := $values.podAnnotations -}}
  {{- include "refuse.when" (list (hasPrefix "checksum/" $annotation)
    (printf "%s.podAnnotations: the chart writes %s by itself, and it would stand there twice; give it another name" $key $annotation)) -}}
  {{- include "refuse.when" (list (and (hasPrefix "prometheus.io/" $annotation) $values.metrics.enabled $.Values.monitoring.annotations)
    (printf "%s.podAnnotations: the chart writes %s by itself, and it would stand there twice; take it out, or set monitoring.annotations to false" $key $annotation)) -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "checks.resources" -}}
{{- range $container, $resources := include "sens.containerResources" . | fromYaml -}}
  {{- range list (list "limits" "memory" "512Mi") (list "requests" "memory" "128Mi") (list "requests" "cpu" "100m") -}}
  {{- include "refuse.when" (list (not (dig (index . 0) (index . 1) nil ($resources | default dict)))
    (printf "%s.resources.%s.%s: each container has it, so that none takes the node from the others; set it, for example to %s" $container (index . 0) (index . 1) (index . 2))) -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{/* Resources of each container that runs, by the block that holds them. */}}
{{- define "sens.containerResources" -}}
{{- $found := dict -}}
{{- range $name, $key := include "sens.running" . | fromYaml -}}
  {{- $values := index $.Values $key -}}
  {{- $_ := set $found $key $values.resources -}}
  {{- if and $values.exporter $values.metrics.enabled }}{{ $_ := set $found (printf "%s.exporter" $key) $values.exporter.resources }}{{ end -}}
  {{- if dig "simulator" "enabled" false $values }}{{ $_ := set $found (printf "%s.simulator" $key) $values.simulator.resources }}{{ end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end }}

{{- define "checks.scaling" -}}
{{- range $key := list "timescaledb" "nats" "mockMqttBroker" "migrations" -}}
  {{- $values := index $.Values $key -}}
  {{- include "refuse.when" (list (or $values.autoscaling.enabled (gt (int $values.replicas) 1))
    (printf "%s.replicas: there can be only one; leave replicas at 1 and autoscaling disabled (several database or NATS servers: mode external)" $key)) -}}
{{- end -}}
{{- include "refuse.when" (list .Values.mqttIngestionWorker.autoscaling.enabled
  "mqttIngestionWorker.autoscaling.enabled: brokers keep the share of a member that goes away, so scaling down needs `sens source drain` first; set replicas by hand") -}}
{{- include "refuse.when" (list (gt (int .Values.mqttIngestionWorker.replicas) 16)
  "mqttIngestionWorker.replicas: a shared source has at most 16 members; set 16 or fewer") -}}
{{- range $key := list "platformApi" "telemetryWorker" "webConsole" "docs" -}}
  {{- $autoscaling := (index $.Values $key).autoscaling -}}
  {{- include "refuse.when" (list (and $autoscaling.enabled (gt (int $autoscaling.minReplicas) (int $autoscaling.maxReplicas)))
    (printf "%s.autoscaling: minReplicas is above maxReplicas; swap them" $key)) -}}
{{- end -}}
{{- include "refuse.when" (list .Values.migrations.pdb.enabled
  "migrations.pdb.enabled: a Job has no pods to keep up; leave it false") -}}
{{- end }}

{{- define "checks.storage" -}}
{{- range $key := list "platformApi" "mqttIngestionWorker" "telemetryWorker" "webConsole" "docs" "migrations" -}}
  {{- include "refuse.when" (list (index $.Values $key).persistence.enabled
    (printf "%s.persistence.enabled: this component keeps no data; leave it false" $key)) -}}
{{- end -}}
{{- range $key := list "timescaledb" "nats" -}}
  {{- $values := index $.Values $key -}}
  {{- include "refuse.when" (list (and (has $.Values.environment (list "staging" "production")) (eq $values.mode "embedded") (not $values.persistence.enabled))
    (printf "%s.persistence.enabled: without it every restart loses what was stored; enable it in %s" $key $.Values.environment)) -}}
{{- end -}}
{{- end }}

{{- define "checks.monitoring" -}}
{{- include "refuse.when" (list (and .Values.monitoring.annotations .Values.monitoring.podMonitor.enabled)
  "monitoring: with annotations and PodMonitors everything would be scraped twice; set monitoring.annotations to false") -}}
{{- range $key := list "webConsole" "docs" "migrations" "mockMqttBroker" -}}
  {{- include "refuse.when" (list (index $.Values $key).metrics.enabled
    (printf "%s.metrics.enabled: this component has no metrics; leave it false" $key)) -}}
{{- end -}}
{{- end }}
