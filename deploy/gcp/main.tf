# Uploads of buckets become events at intake on Cloud Run; service accounts for the roles that read the buckets.
# docs/gcp.md walks through it.

data "google_project" "this" {
  project_id = var.project
}

locals {
  number = data.google_project.this.number

  # Known before the service is made, so that it can be told its own address.
  service_url = "https://${var.name}-intake-${local.number}.${var.region}.run.app"

  # What a Pub/Sub token is made for. Not the address: a service that is moved keeps it.
  audience = "https://${var.name}-intake.${var.project}"

  by_pubsub   = var.events == "pubsub"
  by_eventarc = var.events == "eventarc"

  apis = concat(
    ["iam.googleapis.com", "run.googleapis.com", "storage.googleapis.com", "pubsub.googleapis.com"],
    local.by_eventarc ? ["eventarc.googleapis.com"] : [],
    var.kafka.password_secret == null ? [] : ["secretmanager.googleapis.com"],
    length(var.alert_channels) == 0 ? [] : ["monitoring.googleapis.com"],
  )
}

resource "google_project_service" "this" {
  for_each = toset(var.enable_apis ? local.apis : [])

  project            = var.project
  service            = each.value
  disable_on_destroy = false
}
