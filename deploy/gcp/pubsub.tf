# Uploads by notification and push subscription. docs/events.md says why each setting is what it is.

locals {
  # The service agent of Pub/Sub, which makes the sender's tokens.
  pubsub_agent = "serviceAccount:service-${local.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  dead_letters = local.by_pubsub && var.dead_letter_topic
}

# The service agent of Cloud Storage, made if it does not exist.
data "google_storage_project_service_account" "this" {
  project = var.project

  depends_on = [google_project_service.this]
}

resource "google_pubsub_topic" "uploads" {
  count = local.by_pubsub ? 1 : 0

  project = var.project
  name    = "${var.name}-uploads"
  labels  = var.labels

  depends_on = [google_project_service.this]
}

resource "google_pubsub_topic_iam_member" "storage" {
  count = local.by_pubsub ? 1 : 0

  project = var.project
  topic   = google_pubsub_topic.uploads[0].name
  role    = "roles/pubsub.publisher"
  member  = data.google_storage_project_service_account.this.member
}

resource "google_storage_notification" "uploads" {
  for_each = local.by_pubsub ? var.buckets : {}

  bucket             = local.bucket_names[each.key]
  topic              = google_pubsub_topic.uploads[0].id
  payload_format     = "JSON_API_V1"
  event_types        = ["OBJECT_FINALIZE"]
  object_name_prefix = each.value.prefix

  # The subscription first: what is published before it exists is lost.
  depends_on = [google_pubsub_topic_iam_member.storage, google_pubsub_subscription.intake]
}

# Projects from before April 2021 don't give this to the agent by themselves.
resource "google_service_account_iam_member" "pubsub_token" {
  count = local.by_pubsub ? 1 : 0

  service_account_id = google_service_account.sender.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent

  depends_on = [google_pubsub_topic.uploads]
}

resource "google_pubsub_subscription" "intake" {
  count = local.by_pubsub ? 1 : 0

  project = var.project
  name    = "${var.name}-intake"
  topic   = google_pubsub_topic.uploads[0].id
  labels  = var.labels

  # Longer than intake waits for the broker, or it is sent again while it is still being written.
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  push_config {
    push_endpoint = "${google_cloud_run_v2_service.intake.uri}/events/pubsub"
    oidc_token {
      service_account_email = google_service_account.sender.email
      audience              = local.audience
    }
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  # Never, however long nothing is uploaded.
  expiration_policy {
    ttl = ""
  }

  dynamic "dead_letter_policy" {
    for_each = google_pubsub_topic.dead_letters
    content {
      dead_letter_topic     = dead_letter_policy.value.id
      max_delivery_attempts = 100
    }
  }

  depends_on = [
    google_cloud_run_v2_service_iam_member.sender,
    google_service_account_iam_member.pubsub_token,
  ]
}

resource "google_pubsub_topic" "dead_letters" {
  count = local.dead_letters ? 1 : 0

  project = var.project
  name    = "${var.name}-uploads-dead"
  labels  = var.labels

  depends_on = [google_project_service.this]
}

# Without a subscription the topic keeps nothing.
resource "google_pubsub_subscription" "dead_letters" {
  count = local.dead_letters ? 1 : 0

  project                    = var.project
  name                       = "${var.name}-uploads-dead"
  topic                      = google_pubsub_topic.dead_letters[0].id
  message_retention_duration = "604800s"
  labels                     = var.labels

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_topic_iam_member" "dead_letters" {
  count = local.dead_letters ? 1 : 0

  project = var.project
  topic   = google_pubsub_topic.dead_letters[0].name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

# Moving a message acknowledges it in the subscription that it came from.
resource "google_pubsub_subscription_iam_member" "dead_letters" {
  count = local.dead_letters ? 1 : 0

  project      = var.project
  subscription = google_pubsub_subscription.intake[0].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}
