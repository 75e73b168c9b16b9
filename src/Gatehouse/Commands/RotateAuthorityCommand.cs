using System.Collections.Immutable;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Gatehouse.Cli;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Commands;

/// <summary>
/// <c>gatehouse cert rotate-ca</c>: another certificate authority for the cluster, stage by stage. What a stage is at lies with the
/// managers, so the command may be broken off and run again.
/// </summary>
internal static class RotateAuthorityCommand
{
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(500);

    private static readonly Option<bool> s_status = new("--status") { Description = "Only show how far it is" };
    private static readonly Option<bool> s_abort = new("--abort")
    {
        Description = "Take a rotation back; after its end only another rotation does",
    };

    private static readonly Option<RotationStage?> s_until = new("--until")
    {
        Description =
            "Stop after this stage; run again to go on. 'trust': nodes believe both, so that callers can be given the new ca.pem. 'issue': nodes show certificates of the new one",
        HelpName = "trust|issue",
        CustomParser = result =>
        {
            switch (result.Tokens[0].Value)
            {
                case "trust":
                    return RotationStage.Trust;
                case "issue":
                    return RotationStage.Issue;
                default:
                    result.AddError($"'{result.Tokens[0].Value}' is no stage to stop after; use trust or issue");
                    return null;
            }
        },
    };

    private static readonly Option<string[]> s_without = new("--without")
    {
        Description =
            "Do not wait for this node; if it does not come before the end it is evicted and has to join again",
        HelpName = "NODE",
    };

    private static readonly Option<int> s_patience = new("--timeout")
    {
        Description = "Seconds to wait for each stage",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 300,
    };

    private static readonly ImmutableArray<Column<NodeTrust>> s_columns =
    [
        new("NODE", n => n.Node),
        new("PROFILE", n => n.Profile.Name(), Drop: 1),
        new("WAITS FOR", n => n.WaitsFor ?? "–"),
    ];

    public static Command Create()
    {
        var yes = Confirmation.Yes();
        return new Command(
            "rotate-ca",
            "Give the cluster another certificate authority, and every node a certificate of it, without a failed call"
        )
            .With(s_status, s_abort, s_until, s_without, s_patience, yes)
            .Does((call, cancellation) => RunAsync(call, yes, cancellation));
    }

    private static async Task<ExitCode> RunAsync(Call call, Option<bool> yes, CancellationToken cancellation)
    {
        var view = await call.Manager.GetAuthorityAsync(cancellation);
        if (call.Get(s_status))
        {
            Print(call, view);
            return ExitCode.Done;
        }

        EnsureKnown(call.Get(s_without) ?? [], view);
        var pin = view.Pin;
        if (call.Get(s_abort))
        {
            await call.Manager.DeleteAuthorityRotationAsync(cancellation);
            view = await call.Manager.GetAuthorityAsync(cancellation);
        }
        else
        {
            if (call.Get(s_until) != RotationStage.Trust && view.Rotation is not { Stage: RotationStage.Back })
            {
                Confirmation.Ask(
                    call,
                    yes,
                    "rotate",
                    "Callers, proxies and browsers that judge nodes by this cluster's ca.pem fail until they have the new one (certificates of your own, tls.certificates, are not touched). With --until trust the rotation stops where both count, so that 'gatehouse cert trust' has both to give out."
                );
            }

            if (view.Rotation is null)
            {
                view = await call.Manager.BeginAuthorityRotationAsync(cancellation);
                await WarnOfTokensAsync(call, view, cancellation);
            }
        }

        while (view.Rotation is { Stage: var stage })
        {
            call.Output.Say(
                stage switch
                {
                    RotationStage.Trust => "1 of 3, trust: nodes learn to believe both authorities",
                    RotationStage.Issue => "2 of 3, issue: nodes get certificates of the new authority",
                    _ => "taking it back: nodes get certificates of the authority they had",
                }
            );
            if (stage == call.Get(s_until))
            {
                view = await WaitAsync(call, stage, view, cancellation);
                call.Output.Say(
                    stage == RotationStage.Trust
                        ? "every node believes both: give 'gatehouse cert trust' to callers and proxies that keep a ca.pem"
                        : "every node shows a certificate of the new authority, and the old one counts still"
                );
                call.Output.Next("gatehouse cert rotate-ca");
                Print(call, view);
                return ExitCode.Done;
            }

            view = await AdvanceAsync(call, stage, view, cancellation);
        }

        call.Output.Say(
            view.Pin == pin ? "it is taken back" : "3 of 3, retire: the old authority counts no more; nodes forget it"
        );
        await ForgottenAsync(call, view, cancellation);
        Print(call, await call.Manager.GetAuthorityAsync(cancellation));
        return ExitCode.Done;
    }

    // Before anything is begun: the manager would say so only at the end of the first stage.
    private static void EnsureKnown(string[] without, AuthorityView view)
    {
        var nodes = view.Nodes.Select(n => n.Node).ToList();
        if (without.Except(nodes).FirstOrDefault() is { } unknown)
        {
            throw new CommandFailure(
                ExitCode.NotFound,
                $"there is no node '{unknown}'",
                "--without",
                $"name one of: {string.Join(", ", nodes)}"
            );
        }
    }

    // Made before, they pin the old authority alone.
    private static async Task WarnOfTokensAsync(Call call, AuthorityView view, CancellationToken cancellation)
    {
        var began = view.Rotation?.BeganAt ?? DateTimeOffset.MaxValue;
        var tokens = await call.Manager.ListJoinTokensAsync(cancellation);
        foreach (var token in tokens.Where(t => t.UsedAt is null && t.CreatedAt < began))
        {
            call.Output.Warn(
                $"the join token for {token.Node} was made before and ends with the next stage: use it now, or make another with 'gatehouse token create'"
            );
        }
    }

    private static async Task<AuthorityView> WaitAsync(
        Call call,
        RotationStage stage,
        AuthorityView view,
        CancellationToken cancellation
    )
    {
        var watch = new Watch(call);
        while (true)
        {
            var missing = watch.Missing(view);
            if (view.Rotation?.Stage != stage || missing.Count == 0)
            {
                return view;
            }

            watch.EnsureTime(missing, null);
            view = await watch.LookAsync(view, cancellation);
        }
    }

    private static async Task<AuthorityView> AdvanceAsync(
        Call call,
        RotationStage stage,
        AuthorityView view,
        CancellationToken cancellation
    )
    {
        var watch = new Watch(call);
        CommandFailure? refused = null;
        while (view.Rotation?.Stage == stage)
        {
            var missing = watch.Missing(view);
            if (missing.Count == 0)
            {
                try
                {
                    return await call.Manager.AdvanceAuthorityRotationAsync(
                        new AdvanceRotation([.. call.Get(s_without) ?? []]),
                        cancellation
                    );
                }
                catch (CommandFailure failure)
                    when (failure.Code is ExitCode.Conflict or ExitCode.Unreachable or ExitCode.TimedOut)
                {
                    // A node joined or fell back this moment, somebody else was faster, a manager restarts: look again.
                    refused = failure;
                }
            }

            watch.EnsureTime(missing, refused);
            view = await watch.LookAsync(view, cancellation);
        }

        return view;
    }

    // Who is away has a certificate of the new authority and forgets the old one as it comes back.
    private static async Task ForgottenAsync(Call call, AuthorityView view, CancellationToken cancellation)
    {
        var watch = new Watch(call);
        while (watch.Missing(view) is { Count: > 0 } missing)
        {
            if (watch.IsOver)
            {
                call.Output.Warn(
                    $"not heard of yet: {string.Join(", ", missing.Select(n => n.Node))}; it forgets the old authority when it comes back"
                );
                return;
            }

            view = await watch.LookAsync(view, cancellation);
        }
    }

    private static void Print(Call call, AuthorityView view)
    {
        call.Output.Item(
            "Authority",
            view,
            ("authority", view.Subject),
            ("sha-256", view.Pin),
            ("ends", view.Ends.ToString("u", CultureInfo.InvariantCulture)),
            (
                "rotation",
                view.Rotation is { } running
                    ? $"{running.Stage.ToString().ToLowerInvariant()}, since {running.BeganAt:u} by {running.By}"
                    : "none"
            ),
            ("next", view.Rotation?.Subject),
            ("next sha-256", view.Rotation?.Pin)
        );
        if (call.Output.Format == OutputFormat.Table && view.Nodes.Any(n => n.WaitsFor is not null))
        {
            call.Output.Items("NodeTrust", view.Nodes, s_columns);
        }
    }

    /// <summary>Looks at one stage until it is through, telling of each node once.</summary>
    private sealed class Watch(Call call)
    {
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private readonly HashSet<string> _told = new(StringComparer.Ordinal);

        public bool IsOver => _clock.Elapsed.TotalSeconds >= call.Get(s_patience);

        public List<NodeTrust> Missing(AuthorityView view)
        {
            foreach (var node in view.Nodes.Where(n => n.WaitsFor is null && _told.Add(n.Node)))
            {
                call.Output.Say(
                    string.Create(CultureInfo.InvariantCulture, $"  {node.Node} after {_clock.ElapsedMilliseconds} ms")
                );
            }

            var without = call.Get(s_without) ?? [];
            return [.. view.Nodes.Where(n => n.WaitsFor is not null && !without.Contains(n.Node))];
        }

        /// <summary>Throws what is waited for when the time is over.</summary>
        public void EnsureTime(List<NodeTrust> missing, CommandFailure? refused)
        {
            if (!IsOver)
            {
                return;
            }

            throw missing.Count == 0 && refused is not null
                ? refused
                : new CommandFailure(
                    ExitCode.TimedOut,
                    $"not through within {call.Get(s_patience)} s: {string.Join("; ", missing.Select(n => $"{n.Node}: {n.WaitsFor}"))}",
                    fix: "nothing is lost: run it again when they are back, or leave one out that will not come: --without NODE"
                );
        }

        public async Task<AuthorityView> LookAsync(AuthorityView known, CancellationToken cancellation)
        {
            await Task.Delay(s_look, cancellation);
            try
            {
                return await call.Manager.GetAuthorityAsync(cancellation);
            }
            catch (CommandFailure failure) when (failure.Code is ExitCode.Unreachable or ExitCode.TimedOut && !IsOver)
            {
                return known; // a manager restarts
            }
        }
    }
}
