using System.CommandLine;
using System.Diagnostics;
using Gatehouse.Cli;
using Gatehouse.Management;

namespace Gatehouse.Commands;

/// <summary><c>gatehouse node certificates | renew</c>: what nodes show each other, and another one now.</summary>
internal static class NodeCertificateCommands
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(500);

    /// <summary><c>node certificates</c>.</summary>
    public static Command List() =>
        new Command("certificates", "List the nodes' certificates: when they end, what they are called").Does(
            async (call, cancellation) =>
            {
                var now = DateTimeOffset.UtcNow;
                call.Output.Items<NodeCertificateView>(
                    "NodeCertificate",
                    await call.Manager.ListCertificatesAsync(cancellation),
                    new("NODE", c => c.Node),
                    new("ENDS", c => $"{c.NotAfter:yyyy-MM-dd HH:mm}Z"),
                    new("ISSUED", c => Words.Ago(c.IssuedAt, now)),
                    new("SERIAL", c => c.SerialNumber, Drop: 1),
                    new("", c => c.RenewalAsked ? "renewal asked for" : null, Drop: 2)
                );
            }
        );

    /// <summary><c>node renew</c>.</summary>
    public static Command Renew(Func<Argument<string>> nameArgument)
    {
        var name = nameArgument();
        var patience = new Option<int>("--timeout")
        {
            Description = "Seconds to wait for the new certificate; 0 does not wait",
            DefaultValueFactory = _ => 60,
        };
        return new Command("renew", "Have a node renew its certificate now; what is open stays open")
            .With(name, patience)
            .Does(
                async (call, cancellation) =>
                {
                    var node = call.Get(name);
                    var asked = await call.Manager.RenewCertificateOfNodeAsync(node, cancellation);
                    call.Output.Say($"{node} was told to renew its certificate");
                    var clock = Stopwatch.StartNew();
                    while (call.Get(patience) > 0)
                    {
                        await Task.Delay(s_look, cancellation);
                        var certificates = await call.Manager.ListCertificatesAsync(cancellation);
                        var now = certificates.FirstOrDefault(c => c.Node == node);
                        if (now is { RenewalAsked: false } && now.SerialNumber != asked.SerialNumber)
                        {
                            call.Output.Say($"{node} shows {now.SerialNumber} until {now.NotAfter:yyyy-MM-dd HH:mm}Z");
                            return;
                        }

                        if (clock.Elapsed.TotalSeconds >= call.Get(patience))
                        {
                            throw new CommandFailure(
                                ExitCode.TimedOut,
                                $"{node} has not renewed its certificate within {call.Get(patience)} s",
                                fix: $"it does so when a manager hears of it again: gatehouse node show {node}"
                            );
                        }
                    }
                }
            );
    }
}
