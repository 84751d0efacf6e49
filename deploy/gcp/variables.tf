variable "project" {
  description = "Id of the project that everything is made in. The buckets may be in another one."
  type        = string
}

variable "region" {
  description = "Region of Cloud Run and of the Eventarc triggers. An Eventarc trigger must be where its bucket is."
  type        = string
}

variable "name" {
  description = "Prefix of the names of all that is made."
  type        = string
  default     = "penstock"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,16}$", var.name))
    error_message = "name: 1 to 17 of a-z, 0-9 and dash, a letter first; ids of service accounts are made of it."
  }
}

variable "labels" {
  description = "Labels of everything that takes some."
  type        = map(string)
  default     = {}
}

variable "enable_apis" {
  description = "Enable the APIs that are needed. They stay enabled when this is destroyed. False where another team does."
  type        = bool
  default     = true
}

variable "buckets" {
  description = <<-EOT
    Buckets whose uploads are detected, by name. A bucket that exists is only given a notification and access.
    `create` makes it (then `location` is needed). `prefix` restricts both the events and the access of detectors to
    objects whose names begin with it.
  EOT
  type = map(object({
    create   = optional(bool, false)
    location = optional(string)
    prefix   = optional(string)
  }))

  validation {
    condition     = length(var.buckets) > 0
    error_message = "buckets: at least one."
  }

  validation {
    condition     = alltrue([for bucket in values(var.buckets) : !bucket.create || bucket.location != null])
    error_message = "buckets: a bucket that is created needs a location."
  }
}

variable "events" {
  description = "How uploads reach intake: `pubsub` (push, 7 days of retention, preferred) or `eventarc` (24 hours until you raise it)."
  type        = string
  default     = "pubsub"

  validation {
    condition     = contains(["pubsub", "eventarc"], var.events)
    error_message = "events: pubsub or eventarc. One of them: a bucket with both sends every upload twice."
  }

  validation {
    condition     = var.events == "pubsub" || alltrue([for bucket in values(var.buckets) : bucket.prefix == null])
    error_message = "events: Eventarc can not filter Cloud Storage events by prefix; use pubsub."
  }
}

variable "dead_letter_topic" {
  description = <<-EOT
    Have Pub/Sub move messages to a dead-letter topic after 100 attempts. Off, since intake acknowledges what can never
    succeed: what fails 100 times is a good event in an outage, which the 7 days of retention are for. Turn it on only
    with somebody who reads that topic.
  EOT
  type        = bool
  default     = false
}

variable "image" {
  description = "Container image of Penstock, with its digest. Its entry point is the program; the argument is the role."
  type        = string
}

variable "intake" {
  description = <<-EOT
    Cloud Run settings of intake. `max_instances` bounds the connections to Kafka as well as the cost. `cpu_always` keeps
    the CPU between requests, which the connections to the brokers want. `ingress`: INGRESS_TRAFFIC_INTERNAL_ONLY lets in
    Pub/Sub and Eventarc of this project or perimeter and nobody from the internet; INGRESS_TRAFFIC_ALL is for senders
    elsewhere. `environment`: further PENSTOCK_ variables, such as PENSTOCK_DEFAULT_MODEL.
  EOT
  type = object({
    min_instances       = optional(number, 1)
    max_instances       = optional(number, 10)
    concurrency         = optional(number, 250)
    cpu                 = optional(string, "1")
    memory              = optional(string, "512Mi")
    cpu_always          = optional(bool, true)
    ingress             = optional(string, "INGRESS_TRAFFIC_INTERNAL_ONLY")
    deletion_protection = optional(bool, true)
    environment         = optional(map(string), {})
  })
  default = {}

  validation {
    condition = alltrue([
      for name in keys(var.intake.environment) : startswith(name, "PENSTOCK_") && !contains([
        "PENSTOCK_HTTP_HOST", "PENSTOCK_INTAKE_OIDC_AUDIENCE", "PENSTOCK_INTAKE_OIDC_EMAILS",
        "PENSTOCK_INTAKE_OIDC_SIGNATURE", "PENSTOCK_KAFKA_BROKERS", "PENSTOCK_KAFKA_PASSWORD",
      ], name)
    ])
    error_message = "intake.environment: PENSTOCK_ variables other than those that this module sets."
  }
}

variable "audiences" {
  description = <<-EOT
    Further audiences that a token may have, besides the service's own. Eventarc chooses its audience itself: docs/gcp.md
    says how to read it and when to put it here.
  EOT
  type        = list(string)
  default     = []
}

variable "invoker_iam_check" {
  description = <<-EOT
    Have Cloud Run check roles/run.invoker before a request reaches intake. It then removes the signature of the token, so
    intake checks issuer, audience, expiry and account of what Cloud Run let through. False: intake checks the signature
    too, and nothing stands before it but the ingress setting.
  EOT
  type        = bool
  default     = true
}

variable "kafka" {
  description = <<-EOT
    Brokers (host:port) and how to reach them. With `sasl_mechanism` (plain, scram-sha-256, scram-sha-512) the username and
    the id of a Secret Manager secret in this project that holds the password are needed; the password itself never
    enters the state. A new `password_version` makes a new revision; `latest` is read when an instance starts.
  EOT
  type = object({
    brokers          = list(string)
    ssl              = optional(bool, true)
    sasl_mechanism   = optional(string)
    username         = optional(string)
    password_secret  = optional(string)
    password_version = optional(string, "latest")
    partitions       = optional(number, 6)
    replication      = optional(number, 3)
  })

  validation {
    condition     = length(var.kafka.brokers) > 0 && alltrue([for broker in var.kafka.brokers : can(regex("^[^,:/ ]+:[0-9]+$", broker))])
    error_message = "kafka.brokers: host:port, at least one."
  }

  validation {
    condition = var.kafka.sasl_mechanism == null ? (
      var.kafka.username == null && var.kafka.password_secret == null
      ) : (
      contains(["plain", "scram-sha-256", "scram-sha-512"], coalesce(var.kafka.sasl_mechanism, "none"))
      && var.kafka.username != null && var.kafka.password_secret != null
    )
    error_message = "kafka: sasl_mechanism (plain, scram-sha-256, scram-sha-512), username and password_secret go together."
  }
}

variable "vpc" {
  description = <<-EOT
    How Cloud Run reaches the brokers: `network` and `subnetwork` for Direct VPC egress (preferred), or `connector`, the id
    of a Serverless VPC Access connector. Null where the brokers have public addresses.
  EOT
  type = object({
    network    = optional(string)
    subnetwork = optional(string)
    tags       = optional(list(string), [])
    connector  = optional(string)
  })
  default = null

  validation {
    condition     = var.vpc == null ? true : (var.vpc.connector != null) != (var.vpc.network != null || var.vpc.subnetwork != null)
    error_message = "vpc: either network and subnetwork, or connector."
  }
}

variable "workload_identity" {
  description = <<-EOT
    Kubernetes service accounts that may act as the service accounts of detector and orchestrator. `pool` is that of the
    cluster, PROJECT.svc.id.goog.
  EOT
  type = object({
    pool         = string
    namespace    = optional(string, "penstock")
    detector     = optional(string, "penstock-detector")
    orchestrator = optional(string, "penstock-orchestrator")
  })
  default = null
}

variable "alert_channels" {
  description = "Ids of notification channels of Cloud Monitoring for the alert on events that nobody takes. Empty: no alert."
  type        = list(string)
  default     = []
}
