output "intake_url" {
  description = "Address of intake. Internal unless intake.ingress says otherwise."
  value       = google_cloud_run_v2_service.intake.uri
}

output "endpoints" {
  description = "Where events are posted."
  value = {
    pubsub = "${google_cloud_run_v2_service.intake.uri}/events/pubsub"
    gcs    = "${google_cloud_run_v2_service.intake.uri}/events/gcs"
  }
}

output "audiences" {
  description = "Audiences that intake takes a token for."
  value       = concat([local.audience, local.service_url], var.audiences)
}

output "service_accounts" {
  description = "Emails of the service accounts, by role; `sender` is the one whose token Pub/Sub or Eventarc shows."
  value       = merge({ for role, account in google_service_account.role : role => account.email }, { sender = google_service_account.sender.email })
}

output "subscription" {
  description = "Push subscription of intake; null with Eventarc, which makes its own."
  value       = one(google_pubsub_subscription.intake[*].id)
}

output "triggers" {
  description = "Eventarc triggers by bucket; empty with Pub/Sub."
  value       = { for bucket, trigger in google_eventarc_trigger.uploads : bucket => trigger.id }
}

output "environment" {
  description = "Variables for the roles that run elsewhere (a cluster), by role. Passwords and addresses of Temporal and ClickHouse come from you."
  value = {
    dispatcher   = local.kafka_environment
    orchestrator = merge(local.kafka_environment, { PENSTOCK_GCS_PROJECT = var.project })
    detector     = merge(local.kafka_environment, { PENSTOCK_GCS_PROJECT = var.project })
    sink         = local.kafka_environment
  }
}

output "kubernetes_service_accounts" {
  description = "Annotation of the Kubernetes service account of a role, for Workload Identity."
  value = {
    for role in ["detector", "orchestrator"] : role => {
      "iam.gke.io/gcp-service-account" = google_service_account.role[role].email
    }
  }
}
