{{/*
A component as Kubernetes runs it: the controller with its pod, and around it Service, PodDisruptionBudget, autoscaler.

The dict holds, beside root, key and name: kind (Deployment or StatefulSet), ours (whether the image is our own), port (of the
container, with the name `portName`), metricsPort, and as YAML text: container (args, env, ports, volume mounts: whatever only this
component has), start, live and ready (how to ask the probes), volumes; optionally initContainers, sidecars, sums, grace (seconds).
*/}}
{{- define "sens.workload" -}}
{{- $values := index .root.Values .key -}}
apiVersion: apps/v1
kind: {{ .kind }}
metadata:
  {{- include "sens.metadata" . | nindent 2 }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- include "sens.selectorLabels" . | nindent 6 }}
  {{- if eq .kind "StatefulSet" }}
  serviceName: {{ include "sens.name" . }}
  # Each pod works by itself: none waits for the one before.
  podManagementPolicy: Parallel
  {{- if $values.persistence.enabled }}
  {{- include "sens.volumeClaim" . | nindent 2 }}
  {{- end }}
  {{- else }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      # The old pod goes when the new one is ready: a release that can't start stops nothing.
      maxUnavailable: 0
      maxSurge: 1
  {{- end }}
  template:
    {{- include "sens.podTemplate" . | nindent 4 }}
---
{{ include "sens.service" . }}
{{- if $values.pdb.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "sens.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ $values.pdb.maxUnavailable }}
  selector:
    matchLabels:
      {{- include "sens.selectorLabels" . | nindent 6 }}
{{- end }}
{{- if $values.autoscaling.enabled }}
---
{{ include "sens.autoscaler" . }}
{{- end }}
{{- end }}

{{- define "sens.podTemplate" -}}
{{- $values := index .root.Values .key -}}
metadata:
  # Only what never changes: another version of the chart rolls no pod by itself.
  labels:
    {{- include "sens.selectorLabels" . | nindent 4 }}
  {{- with include "sens.podAnnotations" . | trim }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  automountServiceAccountToken: false
  # Links would fill the environment with variables, SENS_… among them where a release is called so.
  enableServiceLinks: false
  {{- with .grace }}
  terminationGracePeriodSeconds: {{ . }}
  {{- end }}
  securityContext:
    {{- include "sens.podSecurity" $values.securityContext | nindent 4 }}
  {{- with include "sens.scheduling" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .initContainers }}
  initContainers:
    {{- . | trim | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ include "sens.image" (dict "image" $values.image "ours" .ours "root" .root "at" .key) }}
      imagePullPolicy: {{ $values.image.pullPolicy }}
      {{- .container | trim | nindent 6 }}
      {{- with $values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "sens.containerSecurity" . | nindent 8 }}
      {{- include "sens.probes" (dict "probes" $values.probes "start" .start "live" .live "ready" .ready) | nindent 6 }}
      volumeMounts:
        {{- .mounts | trim | nindent 8 }}
        {{- with include "sens.extraVolumeMounts" . | trim }}
        {{- . | nindent 8 }}
        {{- end }}
    {{- with .sidecars }}
    {{- . | trim | nindent 4 }}
    {{- end }}
  volumes:
    {{- .volumes | trim | nindent 4 }}
    {{- if and (eq .kind "StatefulSet") .dataVolume (not $values.persistence.enabled) }}
    - name: data
      emptyDir: {}
    {{- end }}
    {{- with include "sens.extraVolumes" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* Claims of a StatefulSet stay when the release is uninstalled, and when pods go away. */}}
{{- define "sens.volumeClaim" -}}
{{- $persistence := (index .root.Values .key).persistence -}}
persistentVolumeClaimRetentionPolicy:
  whenDeleted: Retain
  whenScaled: Retain
volumeClaimTemplates:
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: data
      labels:
        {{- include "sens.selectorLabels" . | nindent 8 }}
      {{- with $persistence.annotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      accessModes:
        {{- toYaml $persistence.accessModes | nindent 8 }}
      {{- with $persistence.storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ $persistence.size }}
{{- end }}

{{- define "sens.service" -}}
{{- $values := index .root.Values .key -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "sens.metadata" (merge (dict "annotations" $values.service.annotations) .) | nindent 2 }}
spec:
  type: {{ $values.service.type }}
  selector:
    {{- include "sens.selectorLabels" . | nindent 4 }}
  ports:
    - name: {{ .portName }}
      port: {{ $values.service.port }}
      targetPort: {{ .portName }}
      protocol: TCP
{{- end }}

{{- define "sens.autoscaler" -}}
{{- $autoscaling := (index .root.Values .key).autoscaling -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "sens.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: {{ .kind }}
    name: {{ include "sens.name" . }}
  minReplicas: {{ $autoscaling.minReplicas }}
  maxReplicas: {{ $autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ $autoscaling.targetCPUUtilizationPercentage }}
{{- end }}
