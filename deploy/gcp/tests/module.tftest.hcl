# Plans against a provider that is mocked: no credentials, nothing is made. `terraform test`.

mock_provider "google" {
  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
  mock_data "google_storage_project_service_account" {
    defaults = { member = "serviceAccount:service-123456789012@gs-project-accounts.iam.gserviceaccount.com" }
  }
  mock_resource "google_service_account" {
    defaults = {
      email  = "made@my-project.iam.gserviceaccount.com"
      member = "serviceAccount:made@my-project.iam.gserviceaccount.com"
      name   = "projects/my-project/serviceAccounts/made@my-project.iam.gserviceaccount.com"
    }
  }
  mock_resource "google_cloud_run_v2_service" {
    defaults = { uri = "https://penstock-intake-abc-ew.a.run.app" }
  }
}

variables {
  project = "my-project"
  region  = "europe-west1"
  image   = "europe-west1-docker.pkg.dev/my-project/penstock/penstock@sha256:0"
  buckets = { my-uploads = {} }
  kafka = {
    brokers         = ["10.0.0.2:9092", "10.0.0.3:9092"]
    sasl_mechanism  = "scram-sha-512"
    username        = "penstock"
    password_secret = "kafka"
  }
  vpc = { network = "default", subnetwork = "default" }
}

run "push" {
  assert {
    condition     = google_pubsub_subscription.intake[0].push_config[0].push_endpoint == "https://penstock-intake-abc-ew.a.run.app/events/pubsub"
    error_message = "the push goes to the endpoint for pushes"
  }
  assert {
    condition = contains(
      google_cloud_run_v2_service.intake.custom_audiences,
      google_pubsub_subscription.intake[0].push_config[0].oidc_token[0].audience,
    )
    error_message = "Cloud Run takes the audience that Pub/Sub asks a token for"
  }
  assert {
    condition     = contains(output.audiences, google_pubsub_subscription.intake[0].push_config[0].oidc_token[0].audience)
    error_message = "intake takes the audience that Pub/Sub asks a token for"
  }
  assert {
    condition     = keys(google_storage_notification.uploads) == ["my-uploads"] && length(google_eventarc_trigger.uploads) == 0
    error_message = "one kind of events"
  }
  assert {
    condition     = length(google_pubsub_subscription.intake[0].dead_letter_policy) == 0 && google_pubsub_subscription.intake[0].expiration_policy[0].ttl == ""
    error_message = "no dead-letter topic unless asked for, and no expiry"
  }
  assert {
    condition     = length(google_storage_bucket.this) == 0
    error_message = "a bucket that exists is not made"
  }
  assert {
    condition     = length(google_project_iam_member.event_receiver) + length(google_project_iam_member.storage_publisher) == 0
    error_message = "no role for the whole project"
  }
  assert {
    condition     = length(google_cloud_run_v2_service.intake.template[0].vpc_access[0].network_interfaces) == 1
    error_message = "Direct VPC egress"
  }
}

run "eventarc" {
  variables {
    events = "eventarc"
  }
  assert {
    condition     = google_eventarc_trigger.uploads["my-uploads"].destination[0].cloud_run_service[0].path == "/events/gcs"
    error_message = "the trigger goes to the endpoint for CloudEvents"
  }
  assert {
    condition     = length(google_storage_notification.uploads) == 0 && length(google_pubsub_subscription.intake) == 0
    error_message = "one kind of events"
  }
}

run "everything_optional" {
  variables {
    buckets           = { made = { create = true, location = "EU" }, old = { prefix = "camera/" } }
    dead_letter_topic = true
    invoker_iam_check = false
    vpc               = { connector = "projects/my-project/locations/europe-west1/connectors/one" }
    workload_identity = { pool = "my-project.svc.id.goog" }
    alert_channels    = ["projects/my-project/notificationChannels/1"]
    kafka             = { brokers = ["broker:9092"], ssl = false }
  }
  assert {
    condition     = keys(google_storage_bucket.this) == ["made"] && google_storage_notification.uploads["old"].object_name_prefix == "camera/"
    error_message = "the bucket is made, and the prefix restricts events"
  }
  assert {
    condition     = strcontains(google_storage_bucket_iam_member.reader["detector/old"].condition[0].expression, "objects/camera/")
    error_message = "the prefix restricts access"
  }
  assert {
    condition     = google_pubsub_subscription.intake[0].dead_letter_policy[0].max_delivery_attempts == 100
    error_message = "as many attempts as there can be"
  }
  assert {
    condition     = google_service_account_iam_member.workload_identity["detector"].member == "serviceAccount:my-project.svc.id.goog[penstock/penstock-detector]"
    error_message = "the account of the cluster"
  }
  assert {
    condition     = length(google_secret_manager_secret_iam_member.kafka_password) == 0
    error_message = "no secret, no access to one"
  }
}

run "refusals" {
  command = plan
  variables {
    name    = "Penstock"
    buckets = { made = { create = true, prefix = "a/" } }
    vpc     = { network = "default", connector = "one" }
    kafka   = { brokers = ["http://broker:9092"], username = "penstock" }
    intake  = { environment = { PENSTOCK_HTTP_HOST = "127.0.0.1" } }
  }
  expect_failures = [var.name, var.buckets, var.vpc, var.kafka, var.intake]
}

run "no_prefix_with_eventarc" {
  command = plan
  variables {
    events  = "eventarc"
    buckets = { my-uploads = { prefix = "camera/" } }
  }
  expect_failures = [var.events]
}
