# A root to copy: one bucket, brokers in a VPC, SASL. Keep its state in a bucket of your own.
terraform {
  # backend "gcs" { bucket = "my-terraform-state", prefix = "penstock" }
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8.0"
    }
  }
}

variable "project" {
  type = string
}

variable "region" {
  type    = string
  default = "europe-west1"
}

variable "image" {
  type = string
}

variable "brokers" {
  type = list(string)
}

provider "google" {
  project = var.project
  region  = var.region
}

module "penstock" {
  source = "../"

  project = var.project
  region  = var.region
  image   = var.image
  labels  = { system = "penstock" }

  buckets = {
    "${var.project}-uploads" = { create = true, location = var.region }
  }

  kafka = {
    brokers         = var.brokers
    sasl_mechanism  = "scram-sha-512"
    username        = "penstock"
    password_secret = "penstock-kafka-password"
  }

  vpc = {
    network    = "default"
    subnetwork = "default"
  }

  workload_identity = { pool = "${var.project}.svc.id.goog" }
}

output "penstock" {
  value = module.penstock
}
