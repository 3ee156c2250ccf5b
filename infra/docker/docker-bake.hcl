# All images, for `docker buildx bake -f infra/docker/docker-bake.hcl`, best by `make images`: it sets the variables.

variable "IMAGE_PREFIX" {
  default = "sens-platform"
}
variable "IMAGE_TAG" {
  default = "unreleased"
}
variable "IMAGE_SOURCE" {
  default = ""
}
variable "GIT_SHA" {
  default = ""
}
variable "BUILD_DATE" {
  default = ""
}
variable "SOURCE_DATE_EPOCH" {
  default = ""
}
# Separated by commas: linux/amd64,linux/arm64. Empty: the builder's own.
variable "PLATFORMS" {
  default = ""
}
# Other base images and package registries than those of the Dockerfile; null leaves them as they are.
variable "PYTHON_IMAGE" {
  default = null
}
variable "NODE_IMAGE" {
  default = null
}
variable "STATIC_IMAGE" {
  default = null
}
variable "PIP_INDEX_URL" {
  default = null
}
variable "NPM_CONFIG_REGISTRY" {
  default = null
}

group "default" {
  targets = ["images"]
}

target "images" {
  name = image
  matrix = {
    image = ["platform-api", "mqtt-ingestion-worker", "telemetry-worker", "web-console", "docs"]
  }
  context    = "."
  dockerfile = "infra/docker/Dockerfile"
  target     = image
  tags       = ["${IMAGE_PREFIX}/${image}:${IMAGE_TAG}"]
  platforms  = PLATFORMS == "" ? null : split(",", PLATFORMS)
  args = {
    IMAGE_SOURCE        = IMAGE_SOURCE
    GIT_SHA             = GIT_SHA
    BUILD_DATE          = BUILD_DATE
    SOURCE_DATE_EPOCH   = SOURCE_DATE_EPOCH
    PYTHON_IMAGE        = PYTHON_IMAGE
    NODE_IMAGE          = NODE_IMAGE
    STATIC_IMAGE        = STATIC_IMAGE
    PIP_INDEX_URL       = PIP_INDEX_URL
    NPM_CONFIG_REGISTRY = NPM_CONFIG_REGISTRY
  }
}
