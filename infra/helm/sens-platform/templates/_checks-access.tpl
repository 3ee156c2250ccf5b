{{/* Who may reach what: from outside the cluster, and within it. */}}

{{- define "checks.exposure" -}}
{{- range $key := list "mqttIngestionWorker" "telemetryWorker" "migrations" "timescaledb" "nats" "mockMqttBroker" -}}
  {{- $values := index $.Values $key -}}
  {{- include "refuse.when" (list $values.ingress.enabled
    (printf "%s.ingress.enabled: this component stays inside the cluster; only platformApi, docs and webConsole may be published" $key)) -}}
  {{- include "refuse.when" (list (ne $values.service.type "ClusterIP")
    (printf "%s.service.type: this component stays inside the cluster; leave it ClusterIP" $key)) -}}
{{- end -}}
{{- range $key := list "platformApi" "docs" "webConsole" -}}
  {{- $values := index $.Values $key -}}
  {{- include "refuse.when" (list (ne $values.service.type "ClusterIP")
    (printf "%s.service.type: a %s publishes every path, past the ingress; leave it ClusterIP, and publish by %s.ingress" $key $values.service.type $key)) -}}
  {{- include "refuse.when" (list (and $values.ingress.enabled (not $values.ingress.hosts))
    (printf "%s.ingress.hosts: name the hosts to publish it under, or disable the ingress" $key)) -}}
  {{- include "refuse.when" (list (and $values.ingress.enabled (not $values.enabled))
    (printf "%s.ingress.enabled: the component itself is disabled; enable it, or disable the ingress" $key)) -}}
{{- end -}}
{{- range .Values.platformApi.ingress.paths -}}
  {{- include "refuse.when" (list (or (eq . "/") (hasPrefix "/metrics" .))
    (printf "platformApi.ingress.paths: %s would publish the metrics; name what is public, for example /api, /healthz, /readyz, /version" .)) -}}
{{- end -}}
{{- include "refuse.when" (list (and .Values.webConsole.enabled .Values.webConsole.ingress.enabled (not .Values.platformApi.enabled))
  "webConsole.ingress.enabled: the console talks to platform-api on its own host; enable platformApi") -}}
{{- end }}

{{/* On one host the paths of two components would collide: both have /, or /api and /version. */}}
{{- define "checks.hosts" -}}
{{- $owners := dict -}}
{{- range $key := list "platformApi" "docs" "webConsole" -}}
  {{- $ingress := (index $.Values $key).ingress -}}
  {{- range ternary $ingress.hosts list $ingress.enabled -}}
  {{- include "refuse.when" (list (hasKey $owners .)
    (printf "%s.ingress.hosts: %s stands in %s.ingress.hosts already, where its paths would collide; give each a host of its own, once" $key . (get $owners .))) -}}
  {{- $_ := set $owners . $key -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{/* A rule without a peer would be open to everybody, and so would one that selects nothing. */}}
{{- define "checks.network" -}}
{{- range $end := list "dns" "ingressController" "scraper" -}}
  {{- $peers := index $.Values.networkPolicy $end -}}
  {{- include "refuse.when" (list (not $peers)
    (printf "networkPolicy.%s: the list is empty, and its ports would be open to everybody; name who it is" $end)) -}}
  {{- include "checks.peers" (dict "at" $end "peers" $peers) -}}
  {{- range $peers -}}
  {{- $cidr := dig "ipBlock" "cidr" "" . -}}
  {{- include "refuse.when" (list (hasSuffix "/0" $cidr)
    (printf "networkPolicy.%s: %s is everybody; name its addresses" $end $cidr)) -}}
  {{- end -}}
{{- end -}}
{{- range $end := list "brokers" "database" "nats" -}}
  {{- range index $.Values.networkPolicy.egress $end -}}
  {{- include "refuse.when" (list (not .to)
    (printf "networkPolicy.egress.%s: the list is empty, and everything could be reached on its ports; name who it is" $end)) -}}
  {{- include "checks.peers" (dict "at" (printf "egress.%s" $end) "peers" .to) -}}
  {{- end -}}
{{- end -}}
{{- end }}

{{- define "checks.peers" -}}
{{- range .peers -}}
  {{- $selectors := list (dig "namespaceSelector" "matchLabels" nil .) (dig "namespaceSelector" "matchExpressions" nil .) (dig "podSelector" "matchLabels" nil .) (dig "podSelector" "matchExpressions" nil .) | compact -}}
  {{- include "refuse.when" (list (and .ipBlock (or .namespaceSelector .podSelector))
    (printf "networkPolicy.%s: an entry has ipBlock and selectors; write two entries" $.at)) -}}
  {{- include "refuse.when" (list (not (or .ipBlock $selectors))
    (printf "networkPolicy.%s: an entry selects nothing, which is everybody; name who it is by labels or ipBlock" $.at)) -}}
{{- end -}}
{{- end }}
