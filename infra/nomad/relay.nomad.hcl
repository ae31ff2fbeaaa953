# The relay: dials out to the edge, holds certificate keys, writes them into Nomad variables and dials the proxies.
#
#   nomad job run \
#     -var origin=https://perennial.example.workers.dev \
#     -var relay_sha256=<hex, from https://perennial.example.workers.dev/relay/latest> \
#     -var "law=$(cat law.json)" \
#     relay.nomad.hcl
#
# needed:    origin        where the Worker is; http:// on the loopback is accepted
#            relay_sha256  the bundle's SHA-256; Nomad refuses an artifact with another one
#            law           what the relay may do, as JSON (README.md)
# optional:  driver        "docker" (default) or "raw_exec"
#            node          raw_exec: path of Node.js 20 or newer (default: "node" on the client's PATH)
#            image         docker: an image with Node.js 20 or newer
#            count         2 for a relay that survives the loss of its client; two never disturb each other
#            datacenters, namespace, memory
#
# The policy relay.policy.hcl must be attached to this job, and its identity key put into nomad/jobs/relay (README.md). The
# key of a Namecheap account goes into nomad/jobs/relay/namecheap; the relay reads it there itself, so no template renders it.

variable "origin" {
  type        = string
  description = "Origin of the Worker, without a path."
}

variable "relay_sha256" {
  type        = string
  description = "SHA-256 of the relay bundle, hex."
  validation {
    condition     = strlen(var.relay_sha256) == 64 && var.relay_sha256 == lower(var.relay_sha256)
    error_message = "The relay_sha256 must be 64 lower case hex digits."
  }
}

variable "law" {
  type        = string
  description = "The relay's law, one JSON document."
  validation {
    condition     = can(jsondecode(var.law))
    error_message = "The law is not JSON."
  }
}

variable "driver" {
  type    = string
  default = "docker"
  validation {
    condition     = contains(["docker", "raw_exec"], var.driver)
    error_message = "The driver is \"docker\" or \"raw_exec\"."
  }
}

variable "node" {
  type    = string
  default = "node"
}

variable "image" {
  type    = string
  default = "node:22-slim"
}

variable "count" {
  type    = number
  default = 1
}

variable "datacenters" {
  type    = list(string)
  default = ["*"]
}

variable "namespace" {
  type    = string
  default = "default"
}

variable "memory" {
  type    = number
  default = 128
}

job "relay" {
  namespace   = var.namespace
  datacenters = var.datacenters
  type        = "service"

  group "relay" {
    count = var.count

    # A relay that cannot start (Nomad away, key not there yet) tries again for ever.
    restart {
      attempts = 5
      interval = "1m"
      delay    = "5s"
      mode     = "delay"
    }

    # A short name: the task's API socket must not be longer than 107 bytes with the client's data_dir.
    task "relay" {
      driver       = var.driver
      kill_timeout = "10s"

      # NOMAD_TOKEN, with which the relay speaks to Nomad through the socket in its secrets directory.
      identity {
        env  = true
        file = true
      }

      artifact {
        source      = "${var.origin}/relay/${var.relay_sha256}.mjs"
        destination = "local/relay.mjs"
        mode        = "file"
        options {
          checksum = "sha256:${var.relay_sha256}"
        }
      }

      # Other delimiters than usual, so that nothing in the law is taken for a template.
      template {
        destination     = "${NOMAD_TASK_DIR}/law.json"
        left_delimiter  = "<<<<"
        right_delimiter = ">>>>"
        change_mode     = "restart"
        data            = var.law
      }

      env {
        PERENNIAL_RELAY_LAW = "${NOMAD_TASK_DIR}/law.json"
      }

      dynamic "config" {
        for_each = var.driver == "docker" ? [var.image] : []
        content {
          image   = config.value
          command = "node"
          args    = ["${NOMAD_TASK_DIR}/relay.mjs"]
        }
      }

      dynamic "config" {
        for_each = var.driver == "raw_exec" ? [var.node] : []
        content {
          command = config.value
          args    = ["${NOMAD_TASK_DIR}/relay.mjs"]
        }
      }

      resources {
        cpu    = 100
        memory = var.memory
      }
    }
  }
}
