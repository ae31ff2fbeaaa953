# What the relay may do in Nomad, attached to its job (README.md):
#
#   nomad acl policy apply -namespace default -job relay -description "Perennial relay" relay relay.policy.hcl
#
# One `path` block for each delivered variable, by its exact path. `read` is there because a write replaces all items of
# a variable and the relay keeps those that are not its own; with `blind = true` on the delivery it can be left out.
# Service discovery needs nothing: a workload identity may read the services of its namespace.
namespace "default" {
  variables {
    path "nomad/jobs/proxy" {
      capabilities = ["read", "write", "list"]
    }

    # The relay's own area: pending keys and previous pairs. Its identity key, in the variable nomad/jobs/relay itself, is
    # readable to the job without a rule, and stays unwritable.
    path "nomad/jobs/relay/*" {
      capabilities = ["read", "write", "list", "destroy"]
    }

    # Keys of Namecheap accounts, for `namecheap` of the law. An exact path goes before the rule above: nothing but `read`.
    path "nomad/jobs/relay/namecheap" {
      capabilities = ["read"]
    }
  }
}
