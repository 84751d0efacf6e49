# An event that waits for an hour means that intake or Kafka is away, or that intake refuses the sender.
resource "google_monitoring_alert_policy" "unacked" {
  count = local.by_pubsub && length(var.alert_channels) > 0 ? 1 : 0

  project               = var.project
  display_name          = "${var.name}: uploads wait for intake"
  combiner              = "OR"
  notification_channels = var.alert_channels
  user_labels           = var.labels

  conditions {
    display_name = "oldest unacknowledged upload is older than an hour"
    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.intake[0].name}\" AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\""
      comparison      = "COMPARISON_GT"
      threshold_value = 3600
      duration        = "300s"
      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    content = "Logs of ${google_cloud_run_v2_service.intake.name} say why events are refused; Penstock's docs/gcp.md lists what each answer means. Pub/Sub keeps them for 7 days."
  }
}
