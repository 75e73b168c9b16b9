using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Akka.Configuration;

namespace Gatehouse.Cluster.Runtime;

/// <summary>Every setting of Akka's that this project depends on, each with what it prevents.</summary>
internal static class AkkaConfiguration
{
    /// <summary>
    /// One name for every domain. Akka's names allow no dots, and, worse, a system drops what is addressed to another
    /// name without a word: nodes of two domains could never tell each other why they do not join.
    /// </summary>
    public const string SystemName = "gatehouse";

    /// <summary>Says in Akka's own gossip which domain a member is of, for the check behind the hello.</summary>
    public static string DomainRole(string domain) =>
        "domain-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(domain)))[..16];

    public static Config For(MembershipSettings settings, string bindHost, int port, bool verbose)
    {
        var detection =
            settings.FailureDetection == FailureDetection.Lan
                ? new Detection("500ms", "1.5s", "500ms", "5s")
                : new Detection("1s", "8s", "1s", "15s");
        return ConfigurationFactory.ParseString(
            string.Create(
                CultureInfo.InvariantCulture,
                $$"""
                akka {
                  loglevel = {{(verbose ? "INFO" : "WARNING")}}
                  stdout-loglevel = OFF
                  log-dead-letters = off
                  log-dead-letters-during-shutdown = off
                  loggers = ["{{TypeName<AkkaLog>()}}"]

                  actor {
                    provider = cluster
                    # Newtonsoft.Json with type names is the fallback for any object; see RefusingSerializer.
                    serializers.json = "{{TypeName<RefusingSerializer>()}}"
                    # No threads of its own: the flood of a join took 14 ms instead of 80.
                    default-dispatcher.executor = channel-executor
                    # Threads of its own: while a cluster starts, two or three of its actors each block a thread on one that
                    # has yet to run (akka.net PR 8359). On the pool of a machine with two processors that ended the system
                    # after 20 s, again and again, and two nodes that answered every knock never met.
                    internal-dispatcher {
                      executor = fork-join-executor
                      dedicated-thread-pool {
                        thread-count = 6
                        threadtype = background
                      }
                    }
                  }

                  # R1: the end of the actor system must never be the end of the process.
                  coordinated-shutdown {
                    exit-clr = off
                    run-by-clr-shutdown-hook = off
                    terminate-actor-system = on
                    default-phase-timeout = 1500ms
                    phases.cluster-sharding-shutdown-region.timeout = 1500ms
                    phases.cluster-exiting.timeout = 1500ms
                    phases.actor-system-terminate.timeout = 2s
                  }

                  # 10 ms costs 4 % of a core while nothing happens.
                  scheduler.tick-duration = 100ms

                  remote {
                    default-remote-dispatcher.executor = channel-executor
                    backoff-remote-dispatcher.executor = channel-executor
                    startup-timeout = 5s
                    shutdown-timeout = 1500ms
                    flush-wait-on-shutdown = 300ms
                    handshake-timeout = 3s
                    # A peer that was away is asked again soon; 5 s is longer than a restart takes.
                    retry-gate-closed-for = 1s
                    log-remote-lifecycle-events = off
                    dot-netty.tcp {
                      enable-ssl = true
                      hostname = "{{bindHost}}"
                      port = {{port}}
                      public-hostname = "{{settings.LocalMemberHost.Trim('[', ']').ToLowerInvariant()}}"
                      public-port = {{port}}
                      dns-use-ipv6 = {{(bindHost.Contains(':') ? "true" : "false")}}
                      # .NET reads it as SO_REUSEPORT too: two nodes that start together would share one port.
                      tcp-reuse-addr = off
                      connection-timeout = 3s
                      maximum-frame-size = 128000b
                    }
                  }

                  cluster {
                    # R3: this project decides when and whom to join.
                    seed-nodes = []
                    roles = ["{{DomainRole(settings.Domain)}}"]
                    seed-node-timeout = 2s
                    # A killed node that restarts at once has to wait until its old self is out.
                    retry-unsuccessful-join-after = 3s
                    shutdown-after-unsuccessful-join-seed-nodes = 20s
                    run-coordinated-shutdown-when-down = on
                    periodic-tasks-initial-delay = 200ms
                    gossip-interval = 500ms
                    leader-actions-interval = 500ms
                    unreachable-nodes-reaper-interval = 500ms
                    scheduler.tick-duration = 100ms
                    failure-detector {
                      heartbeat-interval = {{detection.Heartbeat}}
                      acceptable-heartbeat-pause = {{detection.Pause}}
                      expected-response-after = {{detection.FirstResponse}}
                    }
                    downing-provider-class = "Akka.Cluster.SBR.SplitBrainResolverProvider, Akka.Cluster"
                    split-brain-resolver {
                      active-strategy = keep-majority
                      stable-after = {{detection.StableAfter}}
                    }
                  }
                }
                """
            )
        );
    }

    private static string TypeName<T>() => $"{typeof(T).FullName}, {typeof(T).Assembly.GetName().Name}";

    private sealed record Detection(string Heartbeat, string Pause, string FirstResponse, string StableAfter);
}
