{{/*
Images. `image` is an image block of the values, `ours` says whether it is one of our own, `root` is the chart's context,
`at` names the block for messages.
*/}}

{{- define "sens.image" -}}
{{- $tag := include "sens.tag" . -}}
{{- $repository := .image.repository -}}
{{- if .ours }}{{ $repository = printf "%s/%s" .root.Values.imageRegistry .image.repository }}{{ end -}}
{{- $repository }}{{ with $tag }}:{{ . }}{{ end }}{{ with .image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/*
The tag; of our own images only one that never moves: a SemVer version, as releases are tagged. Those of others may go without one where
a digest says which it is.
*/}}
{{- define "sens.tag" -}}
{{- $tag := .image.tag -}}
{{- if .ours -}}
  {{- $tag = .image.tag | default .root.Values.imageTag -}}
  {{- if not $tag -}}
    {{- fail (printf "%s.image.tag: no tag is set; set imageTag to the release to run, for example 0.5.0" .at) -}}
  {{- end -}}
  {{- if not (regexMatch "^(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)(-(alpha|rc)(\\.(0|[1-9][0-9]*))+)?$" $tag) -}}
    {{- fail (printf "%s.image.tag: %q is not the tag of a release; write one that never moves, such as 0.5.0, 0.5.0-rc.1 or 0.5.0-alpha.123.1" .at $tag) -}}
  {{- end -}}
{{- else if not (or $tag .image.digest) -}}
  {{- fail (printf "%s.image.tag: without a tag and a digest whatever is newest would run; set one of them" .at) -}}
{{- end -}}
{{- $tag -}}
{{- end }}
