locals {
  # An account for each role that talks to Google, none with a key.
  roles = {
    intake       = "Penstock intake: reads the password of Kafka, nothing else"
    detector     = "Penstock detector: reads objects of the buckets"
    orchestrator = "Penstock orchestrator: lists and reads objects of the buckets"
  }
}

resource "google_service_account" "role" {
  for_each = local.roles

  project      = var.project
  account_id   = "${var.name}-${each.key}"
  display_name = each.value

  depends_on = [google_project_service.this]
}

# Who sends the events: the account whose token Pub/Sub or Eventarc shows.
resource "google_service_account" "sender" {
  project      = var.project
  account_id   = "${var.name}-sender"
  display_name = "Penstock sender: calls intake for ${var.events}"

  depends_on = [google_project_service.this]
}

resource "google_cloud_run_v2_service_iam_member" "sender" {
  project  = var.project
  location = google_cloud_run_v2_service.intake.location
  name     = google_cloud_run_v2_service.intake.name
  role     = "roles/run.invoker"
  member   = google_service_account.sender.member
}

resource "google_secret_manager_secret_iam_member" "kafka_password" {
  count = var.kafka.password_secret == null ? 0 : 1

  project   = var.project
  secret_id = var.kafka.password_secret
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.role["intake"].member
}

resource "google_service_account_iam_member" "workload_identity" {
  for_each = var.workload_identity == null ? {} : {
    detector     = var.workload_identity.detector
    orchestrator = var.workload_identity.orchestrator
  }

  service_account_id = google_service_account.role[each.key].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "serviceAccount:${var.workload_identity.pool}[${var.workload_identity.namespace}/${each.value}]"
}
