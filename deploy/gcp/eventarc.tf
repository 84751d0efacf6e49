# Uploads by Eventarc. It makes its own topic and subscription, so the two roles below exist for whole projects only.

resource "google_project_iam_member" "event_receiver" {
  count = local.by_eventarc ? 1 : 0

  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = google_service_account.sender.member
}

resource "google_project_iam_member" "storage_publisher" {
  count = local.by_eventarc ? 1 : 0

  project = var.project
  role    = "roles/pubsub.publisher"
  member  = data.google_storage_project_service_account.this.member
}

resource "google_eventarc_trigger" "uploads" {
  for_each = local.by_eventarc ? var.buckets : {}

  project                 = var.project
  location                = var.region
  name                    = "${var.name}-${substr(sha256(each.key), 0, 8)}"
  service_account         = google_service_account.sender.email
  event_data_content_type = "application/json"
  labels                  = var.labels

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.storage.object.v1.finalized"
  }

  matching_criteria {
    attribute = "bucket"
    value     = local.bucket_names[each.key]
  }

  destination {
    cloud_run_service {
      service = google_cloud_run_v2_service.intake.name
      region  = google_cloud_run_v2_service.intake.location
      path    = "/events/gcs"
    }
  }

  depends_on = [
    google_cloud_run_v2_service_iam_member.sender,
    google_project_iam_member.event_receiver,
    google_project_iam_member.storage_publisher,
  ]
}
