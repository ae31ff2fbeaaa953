# Traefik with one certificate from one Nomad variable, and no ACME of its own: run as many instances as you like.
#
#   nomad job run proxy.nomad.hcl
#
# optional:  driver      "docker" (default) or "raw_exec"
#            traefik     raw_exec: path of Traefik 3 (default: "traefik" on the client's PATH)
#            image       docker: the image of Traefik 3
#            variable    the variable with the items `certificate` and `key`; this job's own by default, which its
#                        workload identity may read without any policy
#            https_port  static port (default 443); 0 takes a dynamic one, for a trial on a busy machine
#            type        "system" (default: on every client) or "service"
#            options     further command line options of Traefik, such as ["--providers.nomad=true"] for your routers
#            service, datacenters, namespace, memory
#
# The job stays pending until the variable exists, and starts by itself when the first certificate is delivered.

variable "driver" {
  type    = string
  default = "docker"
  validation {
    condition     = contains(["docker", "raw_exec"], var.driver)
    error_message = "The driver is \"docker\" or \"raw_exec\"."
  }
}

variable "traefik" {
  type    = string
  default = "traefik"
}

variable "image" {
  type    = string
  default = "traefik:v3.7"
}

variable "variable" {
  type    = string
  default = "nomad/jobs/proxy"
}

variable "service" {
  type    = string
  default = "traefik"
}

variable "https_port" {
  type    = number
  default = 443
}

variable "type" {
  type    = string
  default = "system"
}

variable "options" {
  type    = list(string)
  default = []
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

locals {
  # The static configuration of ../traefik/traefik.yml, as options because the port is Nomad's to choose.
  args = concat([
    "--entrypoints.websecure.address=:${NOMAD_PORT_https}",
    "--entrypoints.websecure.http.tls=true",
    "--providers.file.directory=${NOMAD_SECRETS_DIR}/traefik",
    "--providers.file.watch=true",
    "--providers.providersthrottleduration=500ms",
    "--global.checknewversion=false",
    "--global.sendanonymoususage=false",
    "--log.level=INFO",
  ], var.options)
}

job "proxy" {
  namespace   = var.namespace
  datacenters = var.datacenters
  type        = var.type

  group "proxy" {
    # Leaves service discovery before it stops, so that nobody dials an instance on its way out.
    shutdown_delay = "2s"

    # A proxy that died comes back at once and for ever. Nomad's own policy waits 15 s, gives up after two deaths in half an
    # hour, and never places a system job's allocation anew.
    restart {
      attempts = 10
      interval = "1m"
      delay    = "1s"
      mode     = "delay"
    }

    network {
      mode = "host"

      dynamic "port" {
        for_each = var.https_port > 0 ? [var.https_port] : []
        labels   = ["https"]
        content {
          static = port.value
        }
      }

      dynamic "port" {
        for_each = var.https_port > 0 ? [] : ["dynamic"]
        labels   = ["https"]
        content {}
      }
    }

    # What the relay dials. It belongs to the group, and with the provider `nomad` needs no Consul.
    service {
      name     = var.service
      port     = "https"
      provider = "nomad"
    }

    # A short name, as for the relay.
    task "traefik" {
      driver = var.driver

      # One variable, one template, one file with both PEMs inside: certificate and key change in one rename, and Traefik
      # sees a new pair or the old one, never half of each. It watches the directory, so nothing has to be signalled.
      template {
        destination = "${NOMAD_SECRETS_DIR}/traefik/tls.yml"
        perms       = "0600"
        change_mode = "noop"
        wait {
          min = "500ms"
          max = "5s"
        }
        data = <<-EOF
          {{ with nomadVar "${var.variable}" }}
          tls:
            certificates:
              - certFile: {{ .certificate.Value | toJSON }}
                keyFile: {{ .key.Value | toJSON }}
            stores:
              default:
                defaultCertificate:
                  certFile: {{ .certificate.Value | toJSON }}
                  keyFile: {{ .key.Value | toJSON }}
          {{ end }}
        EOF
      }

      dynamic "config" {
        for_each = var.driver == "docker" ? [var.image] : []
        content {
          image        = config.value
          network_mode = "host"
          args         = local.args
        }
      }

      dynamic "config" {
        for_each = var.driver == "raw_exec" ? [var.traefik] : []
        content {
          command = config.value
          args    = local.args
        }
      }

      resources {
        cpu    = 200
        memory = var.memory
      }
    }
  }
}
