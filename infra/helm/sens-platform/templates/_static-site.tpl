{{/* A component that only hands out files: web-console, docs. */}}
{{- define "sens.staticSite" -}}
{{- if (index .root.Values .key).enabled -}}
{{- include "sens.workload" (merge (dict
  "kind" "Deployment" "ours" true "portName" "http" "grace" 15
  "container" (printf "%s\n%s" (include "sens.env" .) (include "sens.staticPorts" .))
  "start" (include "sens.askHealth" "http") "live" (include "sens.askHealth" "http") "ready" (include "sens.askHealth" "http")
  "mounts" "- name: tmp\n  mountPath: /tmp" "volumes" "- name: tmp\n  emptyDir:\n    medium: Memory\n    sizeLimit: 16Mi") .) }}
{{- end }}
{{- end }}

{{- define "sens.staticPorts" -}}
ports:
  - name: http
    containerPort: 8080
    protocol: TCP
{{- end }}
