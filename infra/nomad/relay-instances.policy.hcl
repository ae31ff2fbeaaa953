# Only for DNS records with `target = "traefik"`, which follow the healthy instances of a service: states of allocations and
# of service checks. `read-job` also shows the jobs of the namespace, so keep secrets out of their `env` (as always).
#
#   nomad acl policy apply -namespace default -job relay -description "Perennial relay, instances" relay-instances relay-instances.policy.hcl
namespace "default" {
  capabilities = ["read-job"]
}
