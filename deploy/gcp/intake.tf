locals {
  kafka_environment = merge(
    {
      PENSTOCK_KAFKA_BROKERS     = join(",", var.kafka.brokers)
      PENSTOCK_KAFKA_SSL         = tostring(var.kafka.ssl)
      PENSTOCK_KAFKA_PARTITIONS  = tostring(var.kafka.partitions)
      PENSTOCK_KAFKA_REPLICATION = tostring(var.kafka.replication)
    },
    var.kafka.sasl_mechanism == null ? {} : {
      PENSTOCK_KAFKA_SASL_MECHANISM = var.kafka.sasl_mechanism
      PENSTOCK_KAFKA_USERNAME       = var.kafka.username
    },
  )

  intake_environment = merge(
    {
      # Cloud Run gives an instance 10 s after SIGTERM; what waits for the broker must be answered before that.
      PENSTOCK_SHUTDOWN_MS               = "9000"
      PENSTOCK_INTAKE_PRODUCE_TIMEOUT_MS = "7000"
    },
    var.intake.environment,
    local.kafka_environment,
    {
      PENSTOCK_HTTP_HOST             = "0.0.0.0"
      PENSTOCK_HTTP_PORT             = "8080"
      PENSTOCK_INTAKE_OIDC_AUDIENCE  = join(",", concat([local.audience, local.service_url], var.audiences))
      PENSTOCK_INTAKE_OIDC_EMAILS    = google_service_account.sender.email
      PENSTOCK_INTAKE_OIDC_SIGNATURE = var.invoker_iam_check ? "removed-by-cloud-run" : "verify"
      NODE_OPTIONS                   = "--max-old-space-size=256 --max-semi-space-size=16"
    },
  )
}

resource "google_cloud_run_v2_service" "intake" {
  project              = var.project
  location             = var.region
  name                 = "${var.name}-intake"
  description          = "Takes the events of Cloud Storage and hands them to Kafka."
  ingress              = var.intake.ingress
  custom_audiences     = [local.audience]
  invoker_iam_disabled = !var.invoker_iam_check
  deletion_protection  = var.intake.deletion_protection
  labels               = var.labels

  template {
    service_account                  = google_service_account.role["intake"].email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = var.intake.concurrency
    timeout                          = "30s"
    labels                           = var.labels

    scaling {
      min_instance_count = var.intake.min_instances
      max_instance_count = var.intake.max_instances
    }

    containers {
      image = var.image
      args  = ["intake"]

      ports {
        container_port = 8080
      }

      resources {
        limits            = { cpu = var.intake.cpu, memory = var.intake.memory }
        cpu_idle          = !var.intake.cpu_always
        startup_cpu_boost = true
      }

      # /healthz, not /readyz: without a broker intake answers 503 to events and recovers by itself. A restart would not
      # help, and a start that waits for Kafka would fail the deployment.
      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 2
        failure_threshold = 30
        http_get {
          path = "/healthz"
          port = 8080
        }
      }

      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 3
        http_get {
          path = "/healthz"
          port = 8080
        }
      }

      dynamic "env" {
        for_each = local.intake_environment
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.kafka.password_secret == null ? [] : [var.kafka.password_secret]
        content {
          name = "PENSTOCK_KAFKA_PASSWORD"
          value_source {
            secret_key_ref {
              secret  = env.value
              version = var.kafka.password_version
            }
          }
        }
      }
    }

    dynamic "vpc_access" {
      for_each = var.vpc == null ? [] : [var.vpc]
      content {
        connector = vpc_access.value.connector
        egress    = "PRIVATE_RANGES_ONLY"

        dynamic "network_interfaces" {
          for_each = vpc_access.value.connector == null ? [vpc_access.value] : []
          content {
            network    = network_interfaces.value.network
            subnetwork = network_interfaces.value.subnetwork
            tags       = network_interfaces.value.tags
          }
        }
      }
    }
  }

  # A revision starts only with the right to read its secret.
  depends_on = [google_project_service.this, google_secret_manager_secret_iam_member.kafka_password]
}
