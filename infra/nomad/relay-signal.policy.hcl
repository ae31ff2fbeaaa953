# Only for deliveries with `reload = "sighup"` or "restart": the proxy job of this folder watches its file and needs
# neither. `alloc-lifecycle` also allows to restart and stop any allocation of the namespace.
#
#   nomad acl policy apply -namespace default -job relay -description "Perennial relay, signals" relay-signal relay-signal.policy.hcl
namespace "default" {
  capabilities = ["read-job", "alloc-lifecycle"]
}
