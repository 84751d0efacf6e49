resource "google_storage_bucket" "this" {
  for_each = { for name, bucket in var.buckets : name => bucket if bucket.create }

  project                     = var.project
  name                        = each.key
  location                    = each.value.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = var.labels

  depends_on = [google_project_service.this]
}

locals {
  # By name, and for created ones only after they exist.
  bucket_names = { for name, bucket in var.buckets : name => bucket.create ? google_storage_bucket.this[name].name : name }

  # A role with a condition on the names of objects still needs the bucket itself for objects.list, and that is needed
  # because Cloud Storage answers 403 in place of 404 to whoever can't list: an object that is gone would look forbidden.
  conditions = {
    for name, bucket in var.buckets : name => bucket.prefix == null ? [] : [
      "resource.name == 'projects/_/buckets/${name}' || resource.name.startsWith('projects/_/buckets/${name}/objects/${bucket.prefix}')"
    ]
  }

  # One for each role that reads a bucket: detectors get objects, orchestrators list and compare them (backfill, audit).
  readers = {
    for pair in setproduct(["detector", "orchestrator"], keys(var.buckets)) : "${pair[0]}/${pair[1]}" => {
      role   = pair[0]
      bucket = pair[1]
    }
  }
}

resource "google_storage_bucket_iam_member" "reader" {
  for_each = local.readers

  bucket = local.bucket_names[each.value.bucket]
  role   = "roles/storage.objectViewer"
  member = google_service_account.role[each.value.role].member

  dynamic "condition" {
    for_each = local.conditions[each.value.bucket]
    content {
      title      = "${var.name}-prefix"
      expression = condition.value
    }
  }
}
