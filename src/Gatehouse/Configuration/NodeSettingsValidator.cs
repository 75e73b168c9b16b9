using System.Collections.Immutable;
using Gatehouse.Cluster;
using Gatehouse.Management;
using Gatehouse.Model;

namespace Gatehouse.Configuration;

/// <summary>Judges what no single value shows: two settings that contradict each other.</summary>
internal static class NodeSettingsValidator
{
    /// <summary>Adds every contradiction, each at the place of the value to change.</summary>
    public static void Check(ImmutableDictionary<string, SettingValue> values, ICollection<Problem> problems)
    {
        CheckPorts(values, problems);
        CheckName(values, problems);
        CheckDatabase(values, problems);
        CheckSignIn(values, problems);
        CheckRetention(values, problems);
        if (Get(SettingsTable.Scheme) == MembershipScheme.Dns && Get(SettingsTable.DnsName) is null)
        {
            problems.Add(
                At(SettingsTable.Scheme)
                    .Problem(
                        SettingsTable.Scheme.Key,
                        "the dns scheme needs a name to look up",
                        "set cluster.dnsName to the name of the headless service"
                    )
            );
        }

        T Get<T>(Setting<T> setting) => (T)values[setting.Key].Value!;
        Origin At(Setting setting) => values[setting.Key].Origin;
    }

    // A long stretch of time is added up from coarse rows: they have to be there as long as the fine ones.
    private static void CheckRetention(ImmutableDictionary<string, SettingValue> values, ICollection<Problem> problems)
    {
        foreach (
            var (fine, coarse) in new[]
            {
                (SettingsTable.UsageMinutes, SettingsTable.UsageHours),
                (SettingsTable.UsageHours, SettingsTable.UsageDays),
            }
        )
        {
            var (shorter, longer) = (values[fine.Key], values[coarse.Key]);
            if ((TimeSpan)longer.Value! < (TimeSpan)shorter.Value!)
            {
                var (to, other) = longer.Origin.Kind == OriginKind.Default ? (shorter, longer) : (longer, shorter);
                problems.Add(
                    to.Origin.Problem(
                        to.Setting.Key,
                        $"{longer.Setting.Key} is {longer.Written}, {shorter.Setting.Key} {shorter.Written}: coarse figures would go before fine ones",
                        $"change this, or {other.Setting.Key}"
                    )
                );
            }
        }
    }

    private static void CheckSignIn(ImmutableDictionary<string, SettingValue> values, ICollection<Problem> problems)
    {
        var written = values
            .Values.Where(v =>
                v.Setting.Key.StartsWith("signIn.", StringComparison.Ordinal) && v.Origin.Kind != OriginKind.Default
            )
            .ToList();
        if (written.Count == 0)
        {
            return;
        }

        var profile = (Profile)values[SettingsTable.Profile.Key].Value!;
        if (!profile.IsManager())
        {
            foreach (var value in written)
            {
                Add(value, $"nobody signs in at a {profile.Name()}", $"take {value.Setting.Key} out");
            }

            return;
        }

        var (issuer, clientId) = (values[SettingsTable.OidcIssuer.Key], values[SettingsTable.OidcClientId.Key]);
        if (issuer.Value is null || clientId.Value is null)
        {
            Add(
                written[0],
                $"the provider lacks its {(issuer.Value is null ? "signIn.oidc.issuer" : "signIn.oidc.clientId")}",
                "a provider has both: signIn.oidc.issuer and signIn.oidc.clientId"
            );
        }

        if (issuer.Value is string url && !url.StartsWith("https://", StringComparison.Ordinal))
        {
            Add(issuer, "a provider is asked over https only", "write https://");
        }

        if (
            values[SettingsTable.OidcClientSecret.Key].Value is not null
            && values[SettingsTable.OidcClientSecretFile.Key] is { Value: not null } file
        )
        {
            Add(file, "there are two secrets: this file, and one in the environment", "leave one of them out");
        }

        var roles = values[SettingsTable.OidcRoles.Key];
        foreach (var (theirs, ours) in (ImmutableSortedDictionary<string, string>)roles.Value!)
        {
            var unknown = ours.Split(' ', StringSplitOptions.RemoveEmptyEntries).Except(Roles.Names).FirstOrDefault();
            if (unknown is not null || ours.Trim().Length == 0)
            {
                Add(
                    roles,
                    unknown is null ? $"'{theirs}' gives no role" : $"'{theirs}' gives '{unknown}', which is no role",
                    $"take of {string.Join(", ", Roles.Names)}"
                );
            }
        }

        if (
            (bool)values[SettingsTable.OidcCreateUsers.Key].Value!
            && ((ImmutableSortedDictionary<string, string>)roles.Value!).IsEmpty
        )
        {
            Add(
                values[SettingsTable.OidcCreateUsers.Key],
                "accounts would be made without a role",
                "say which roles signIn.oidc.roles gives, such as '*': subscriber"
            );
        }

        void Add(SettingValue at, string what, string fix) =>
            problems.Add(at.Origin.Problem(at.Setting.Key, what, fix));
    }

    // A worker or balancer that held the way to the catalogue would lose it with itself.
    private static void CheckDatabase(ImmutableDictionary<string, SettingValue> values, ICollection<Problem> problems)
    {
        var profile = (Profile)values[SettingsTable.Profile.Key].Value!;
        var written = values
            .Values.Where(v =>
                v.Setting.Key.StartsWith("database.", StringComparison.Ordinal) && v.Origin.Kind != OriginKind.Default
            )
            .ToList();
        if (!profile.IsManager())
        {
            foreach (var value in written)
            {
                problems.Add(
                    value.Origin.Problem(
                        value.Setting.Key,
                        $"a {profile.Name()} has no database and must not know one",
                        $"take {value.Setting.Key} out of this node's configuration"
                    )
                );
            }

            return;
        }

        if (
            values[SettingsTable.DatabasePassword.Key] is { Value: not null } password
            && values[SettingsTable.DatabasePasswordFile.Key] is { Value: not null } file
        )
        {
            problems.Add(
                file.Origin.Problem(
                    file.Setting.Key,
                    $"there are two passwords: this file, and {password.Origin}",
                    "leave one of them out"
                )
            );
        }

        var certificate = values[SettingsTable.DatabaseCertificate.Key];
        var key = values[SettingsTable.DatabaseKey.Key];
        if (certificate.Value is null != key.Value is null)
        {
            var there = certificate.Value is null ? key : certificate;
            problems.Add(
                there.Origin.Problem(
                    there.Setting.Key,
                    "a client certificate is two files: database.cert and database.key",
                    "give both, or neither"
                )
            );
        }
    }

    private static void CheckName(ImmutableDictionary<string, SettingValue> values, ICollection<Problem> problems)
    {
        var name = values[SettingsTable.Name.Key];
        if (name.Origin.Kind == OriginKind.Default && !Deployment.Trust.NodeNames.IsValid((string)name.Value!))
        {
            problems.Add(
                new Problem(
                    SettingsTable.Name.Key,
                    $"this machine's name '{name.Value}' cannot be a node's name",
                    "set node.name to 1 to 63 lower-case letters, digits, dots and dashes"
                )
            );
        }
    }

    // Only the listeners this profile opens: a balancer does not mind what listen.gateway says.
    private static void CheckPorts(ImmutableDictionary<string, SettingValue> values, ICollection<Problem> problems)
    {
        var profile = (Profile)values[SettingsTable.Profile.Key].Value!;
        var offset = (int)values[SettingsTable.PortOffset.Key].Value!;
        var taken = new Dictionary<int, Setting>();
        foreach (var setting in OpenedBy(profile))
        {
            if (values[setting.Key] is not { Value: int port and > 0 } value)
            {
                continue;
            }

            var effective = setting.Moves ? port + offset : port;
            if (effective > 65535)
            {
                problems.Add(
                    values[SettingsTable.PortOffset.Key]
                        .Origin.Problem(
                            SettingsTable.PortOffset.Key,
                            $"portOffset {offset} moves {setting.Key} {port} to {effective}, beyond the last port",
                            $"use an offset of at most {65535 - port}"
                        )
                );
            }
            else if (!taken.TryAdd(effective, setting))
            {
                var other = values[taken[effective].Key];
                var later = value.Origin.Kind == OriginKind.Default ? other : value;
                var earlier = later == value ? other : value;
                problems.Add(
                    later.Origin.Problem(
                        later.Setting.Key,
                        $"{later.Setting.Key} and {earlier.Setting.Key} both are port {effective}",
                        "give one of them another port"
                    )
                );
            }
        }
    }

    private static IEnumerable<Setting> OpenedBy(Profile profile)
    {
        IEnumerable<Setting> always =
        [
            SettingsTable.InternalPort,
            SettingsTable.HealthPort,
            SettingsTable.LocalMemberPort,
        ];
        IEnumerable<Setting> management = [SettingsTable.ManagementHttp, SettingsTable.ManagementHttps];
        IEnumerable<Setting> own = profile switch
        {
            Profile.LoadBalancer => [SettingsTable.BalancerHttp, SettingsTable.BalancerHttps],
            _ when profile.IsManager() && !profile.IsWorker() => management,
            _ => [SettingsTable.GatewayHttp, SettingsTable.GatewayHttps, .. management],
        };
        return own.Concat(always);
    }
}
