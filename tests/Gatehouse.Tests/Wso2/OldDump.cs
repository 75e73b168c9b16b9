using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Gatehouse.Tests.Wso2;

/// <summary>Who wrote a dump, of which generation.</summary>
public enum OldKind
{
    /// <summary>mysqldump of 1.10: one INSERT for many rows, no columns named.</summary>
    MySql110,

    /// <summary>mysqldump of 2.x with its triggers and hashed tokens.</summary>
    MySql2,

    /// <summary>pg_dump of 2.x: COPY.</summary>
    PostgreSql2,

    /// <summary>pg_dump --column-inserts of 2.x.</summary>
    PostgreSql2Inserts,
}

/// <summary>
/// Writes the database of an old installation, schema and data, by the columns of WSO2's <c>dbscripts/apimgt</c>, as the tools of
/// its product dump it.
/// </summary>
internal static class OldDump
{
    public const string Secret = "hvPGqzcSqTMx8uvQ0Z1qwnkuOlsa";
    public const string ClientToken = "a1b2c3d4-0001-3fb0-a4f5-5f3f1e9a0001";
    public const string UserToken = "a1b2c3d4-0002-3fb0-a4f5-5f3f1e9a0002";
    public const string SandboxToken = "a1b2c3d4-0003-3fb0-a4f5-5f3f1e9a0003";
    public const string HashedToken = "a1b2c3d4-0004-3fb0-a4f5-5f3f1e9a0004";
    public const string ExpiredToken = "a1b2c3d4-0005-3fb0-a4f5-5f3f1e9a0005";
    public const string RevokedToken = "a1b2c3d4-0006-3fb0-a4f5-5f3f1e9a0006";
    public const string EndlessToken = "a1b2c3d4-0007-3fb0-a4f5-5f3f1e9a0007";
    public const string Client = "sZzoeSCI_vL2cjSXZQmsmV8JEyga";

    // Good for a hundred years.
    private const string Long = "3153600000000";

    /// <summary>A name with all that has to be escaped.</summary>
    public const string HardName = "O'Brien \\ \"shop\"; ü ✓";

    /// <summary>The dump.</summary>
    public static string Write(OldKind kind)
    {
        var text = new StringBuilder();
        var isMySql = kind is OldKind.MySql110 or OldKind.MySql2;
        text.Append(isMySql ? MySqlBegin : PostgreSqlBegin);
        foreach (var (table, columns, rows) in Tables(kind))
        {
            if (isMySql)
            {
                MySql(text, table, columns, rows);
            }
            else
            {
                PostgreSql(text, table, columns, rows, kind == OldKind.PostgreSql2);
            }
        }

        return text.Append(isMySql ? MySqlEnd : "\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x\n")
            .ToString();
    }

    private const string MySqlBegin = """
        -- MySQL dump 10.13  Distrib 5.6.51, for Linux (x86_64)
        --
        -- Host: localhost    Database: apimgt
        /*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
        /*!40103 SET TIME_ZONE='+00:00' */;

        """;

    private const string MySqlEnd = """

        /*!50003 SET sql_mode = '' */ ;
        DELIMITER ;;
        /*!50003 CREATE*/ /*!50003 TRIGGER TS AFTER INSERT ON AM_API FOR EACH ROW BEGIN
          INSERT INTO AM_SUBSCRIBER VALUES (99,'nobody',0);
        END */;;
        DELIMITER ;
        -- Dump completed

        """;

    private const string PostgreSqlBegin = """
        --
        -- PostgreSQL database dump
        --

        \restrict 9ths1bMTVM7p

        SET standard_conforming_strings = on;
        SELECT pg_catalog.set_config('search_path', '', false);

        CREATE FUNCTION public.update_modified_column() RETURNS trigger
            LANGUAGE plpgsql
            AS $$
        BEGIN
            INSERT INTO am_subscriber VALUES (99, 'nobody');
            RETURN NEW;
        END;
        $$;

        CREATE SEQUENCE public.am_api_sequence
            START WITH 1;

        """;

    private static IEnumerable<(string Table, string[] Columns, string?[][] Rows)> Tables(OldKind kind)
    {
        var is110 = kind == OldKind.MySql110;
        yield return (
            "AM_SUBSCRIBER",
            ["SUBSCRIBER_ID", "USER_ID", "TENANT_ID", "EMAIL_ADDRESS", "DATE_SUBSCRIBED"],
            [
                ["1", "ann", "-1234", "ann@example.com", "2016-01-01 00:00:00"],
                ["2", "bob@acme.com", "1", null, "2016-01-01 00:00:00"],
            ]
        );
        yield return (
            "AM_API",
            ["API_ID", "API_PROVIDER", "API_NAME", "API_VERSION", "CONTEXT", "CONTEXT_TEMPLATE"],
            [
                ["1", "admin", "Pizza Shack", "1.0.0", "/pizzashack/1.0.0", "/pizzashack/{version}"],
                ["2", "admin", "petstore", "1.0.0", "/petstore/1.0.0", "/petstore/{version}"],
            ]
        );
        yield return (
            "AM_API_URL_MAPPING",
            ["URL_MAPPING_ID", "API_ID", "HTTP_METHOD", "AUTH_SCHEME", "URL_PATTERN", "THROTTLING_TIER"],
            [
                ["1", "2", "GET", "Any", "/*", "Unlimited"],
            ]
        );
        yield return (
            "AM_APPLICATION",
            [
                "APPLICATION_ID",
                "NAME",
                "SUBSCRIBER_ID",
                "APPLICATION_TIER",
                "CALLBACK_URL",
                "DESCRIPTION",
                "APPLICATION_STATUS",
                "GROUP_ID",
            ],
            [
                ["1", "DefaultApplication", "1", "Unlimited", null, "", "APPROVED", ""],
                ["2", HardName, "2", is110 ? "Large" : "50PerMin", "", "two\nlines\tand a tab", "APPROVED", "sales"],
                ["3", "Refused", "1", "Unlimited", null, null, "REJECTED", null],
            ]
        );
        yield return (
            "AM_SUBSCRIPTION",
            [
                "SUBSCRIPTION_ID",
                "TIER_ID",
                "API_ID",
                "LAST_ACCESSED",
                "APPLICATION_ID",
                "SUB_STATUS",
                "SUBS_CREATE_STATE",
            ],
            [
                ["1", is110 ? "Unlimited" : "AsyncUnlimited", "2", null, "1", "UNBLOCKED", "SUBSCRIBE"],
                ["2", "Gold", "2", null, "2", "UNBLOCKED", "SUBSCRIBE"],
                ["3", "Bronze", "1", null, "2", "PROD_ONLY_BLOCKED", "SUBSCRIBE"],
                ["4", "Gold", "2", null, "3", "REJECTED", "SUBSCRIBE"],
            ]
        );
        yield return (
            "AM_APPLICATION_KEY_MAPPING",
            ["APPLICATION_ID", "CONSUMER_KEY", "KEY_TYPE", "STATE", "CREATE_MODE"],
            [
                ["1", Client, "PRODUCTION", "COMPLETED", "CREATED"],
                ["1", "sandboxSCI_vL2cjSXZQmsmV8JEy", "SANDBOX", "COMPLETED", "CREATED"],
                ["2", "codesSCI_vL2cjSXZQmsmV8JEyga", "PRODUCTION", "COMPLETED", "CREATED"],
                ["2", "foreignSCI_vL2cjSXZQmsmV8JEy", "SANDBOX", "COMPLETED", "MAPPED"],
            ]
        );
        yield return (
            "AM_APP_KEY_DOMAIN_MAPPING",
            ["CONSUMER_KEY", "AUTHZ_DOMAIN"],
            [
                [Client, "ALL"],
                ["codesSCI_vL2cjSXZQmsmV8JEyga", "shop.example.com"],
            ]
        );
        if (!is110)
        {
            yield return (
                "AM_POLICY_SUBSCRIPTION",
                [
                    "POLICY_ID",
                    "NAME",
                    "DISPLAY_NAME",
                    "TENANT_ID",
                    "DESCRIPTION",
                    "QUOTA_TYPE",
                    "QUOTA",
                    "QUOTA_UNIT",
                    "UNIT_TIME",
                    "TIME_UNIT",
                    "RATE_LIMIT_COUNT",
                    "RATE_LIMIT_TIME_UNIT",
                    "IS_DEPLOYED",
                    "CUSTOM_ATTRIBUTES",
                    "STOP_ON_QUOTA_REACH",
                    "BILLING_PLAN",
                    "UUID",
                ],
                [
                    [
                        "1",
                        "Gold",
                        "Gold",
                        "-1234",
                        "Allows 5000 requests per minute",
                        "requestCount",
                        "5000",
                        null,
                        "1",
                        "min",
                        null,
                        null,
                        "1",
                        null,
                        "1",
                        "FREE",
                        "u1",
                    ],
                    [
                        "2",
                        "Bulk",
                        "Bulk",
                        "-1234",
                        null,
                        "bandwidthVolume",
                        "10",
                        "MB",
                        "2",
                        "hour",
                        "600",
                        "min",
                        "1",
                        null,
                        "0",
                        "FREE",
                        "u2",
                    ],
                    [
                        "3",
                        "Unlimited",
                        "Unlimited",
                        "-1234",
                        null,
                        "requestCount",
                        "2147483647",
                        null,
                        "1",
                        "min",
                        null,
                        null,
                        "1",
                        null,
                        "1",
                        "FREE",
                        "u3",
                    ],
                    Default("4", "Unauthenticated", "requestCount", "500", "min"),
                    Default("5", "AsyncGold", "eventCount", "50000", "days"),
                    Default("6", "AsyncUnlimited", "eventCount", "2147483647", "days"),
                ]
            );
            yield return (
                "AM_POLICY_APPLICATION",
                [
                    "POLICY_ID",
                    "NAME",
                    "DISPLAY_NAME",
                    "TENANT_ID",
                    "DESCRIPTION",
                    "QUOTA_TYPE",
                    "QUOTA",
                    "QUOTA_UNIT",
                    "UNIT_TIME",
                    "TIME_UNIT",
                    "IS_DEPLOYED",
                    "CUSTOM_ATTRIBUTES",
                    "UUID",
                ],
                [
                    [
                        "1",
                        "50PerMin",
                        "50PerMin",
                        "-1234",
                        null,
                        "requestCount",
                        "50",
                        null,
                        "1",
                        "min",
                        "1",
                        null,
                        "u5",
                    ],
                ]
            );
            yield return (
                "AM_BLOCK_CONDITIONS",
                ["CONDITION_ID", "TYPE", "VALUE", "ENABLED", "DOMAIN", "UUID"],
                [
                    ["1", "IP", "192.0.2.7", "true", "carbon.super", "u4"],
                ]
            );
        }

        yield return (
            "IDN_OAUTH_CONSUMER_APPS",
            [
                "ID",
                "CONSUMER_KEY",
                "CONSUMER_SECRET",
                "USERNAME",
                "TENANT_ID",
                "USER_DOMAIN",
                "APP_NAME",
                "OAUTH_VERSION",
                "CALLBACK_URL",
                "GRANT_TYPES",
            ],
            [
                [
                    "1",
                    Client,
                    Secret,
                    "ann",
                    "-1234",
                    "PRIMARY",
                    "ann_DefaultApplication_PRODUCTION",
                    "OAuth-2.0",
                    "",
                    "client_credentials password refresh_token urn:ietf:params:oauth:grant-type:saml2-bearer",
                ],
                [
                    "2",
                    "sandboxSCI_vL2cjSXZQmsmV8JEy",
                    new string('Q', 344),
                    "ann",
                    "-1234",
                    "PRIMARY",
                    "ann_DefaultApplication_SANDBOX",
                    "OAuth-2.0",
                    null,
                    "client_credentials",
                ],
                [
                    "3",
                    "codesSCI_vL2cjSXZQmsmV8JEyga",
                    "hunter2",
                    "bob",
                    "1",
                    "PRIMARY",
                    "bob_shop_PRODUCTION",
                    "OAuth-2.0",
                    "http://shop.example.com/back",
                    "authorization_code implicit",
                ],
                [
                    "4",
                    "publisherSCI_vL2cjSXZQmsmV8J",
                    "x",
                    "admin",
                    "-1234",
                    "PRIMARY",
                    "admin_publisher",
                    "OAuth-2.0",
                    "",
                    "password",
                ],
            ]
        );
        string[] token =
        [
            "TOKEN_ID",
            "ACCESS_TOKEN",
            "REFRESH_TOKEN",
            "CONSUMER_KEY_ID",
            "AUTHZ_USER",
            "TENANT_ID",
            "USER_DOMAIN",
            "USER_TYPE",
            "TIME_CREATED",
            "REFRESH_TOKEN_TIME_CREATED",
            "VALIDITY_PERIOD",
            "REFRESH_TOKEN_VALIDITY_PERIOD",
            "TOKEN_SCOPE_HASH",
            "TOKEN_STATE",
            "TOKEN_STATE_ID",
        ];
        var rows = new List<string?[]>
        {
            Token("t1", ClientToken, "1", "ann", "APPLICATION", "2025-12-01 10:00:00", Long, "ACTIVE"),
            Token("t2", UserToken, "1", "carol", "APPLICATION_USER", "2025-12-01 10:00:00", Long, "ACTIVE"),
            Token("t3", SandboxToken, "2", "ann", "APPLICATION", "2025-12-01 10:00:00", Long, "ACTIVE"),
            Token("t5", ExpiredToken, "1", "ann", "APPLICATION", "2016-12-01 10:00:00", "3600000", "ACTIVE"),
            Token("t6", RevokedToken, "1", "ann", "APPLICATION", "2025-12-01 10:00:00", Long, "REVOKED"),
            Token(
                "t7",
                EndlessToken,
                "1",
                "ann",
                "APPLICATION",
                "2016-12-01 10:00:00",
                "9223372036854775807",
                "ACTIVE"
            ),
            Token("t8", new string('E', 344), "1", "ann", "APPLICATION", "2025-12-01 10:00:00", Long, "ACTIVE"),
            Token(
                "t9",
                "a1b2c3d4-0009-3fb0-a4f5-5f3f1e9a0009",
                "4",
                "admin",
                "APPLICATION",
                "2025-12-01 10:00:00",
                Long,
                "ACTIVE"
            ),
        };
        if (is110)
        {
            yield return ("IDN_OAUTH2_ACCESS_TOKEN", token, [.. rows]);
        }
        else
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(HashedToken)));
            rows.Add(
                Token(
                    "t4",
                    $"{{\"hash\":\"{hash}\",\"algorithm\":\"SHA-256\"}}",
                    "1",
                    "ann",
                    "APPLICATION",
                    "2025-12-01 10:00:00",
                    Long,
                    "ACTIVE"
                )
            );
            yield return (
                "IDN_OAUTH2_ACCESS_TOKEN",
                [.. token, "SUBJECT_IDENTIFIER", "ACCESS_TOKEN_HASH"],
                [.. rows.Select(r => (string?[])[.. r, "ann@carbon.super", null])]
            );
        }

        yield return (
            "IDN_OAUTH2_ACCESS_TOKEN_SCOPE",
            ["TOKEN_ID", "TOKEN_SCOPE", "TENANT_ID"],
            [
                ["t1", "default", "-1234"],
                ["t2", "pets:read", "-1234"],
                ["t2", "openid", "-1234"],
            ]
        );
        yield return (
            "UM_USER",
            ["UM_ID", "UM_USER_NAME", "UM_USER_PASSWORD"],
            [
                ["1", "ann", "5f4dcc3b5aa765d61d8327deb882cf99"],
            ]
        );
    }

    private static string?[] Token(
        string id,
        string token,
        string client,
        string user,
        string type,
        string created,
        string validity,
        string state
    ) =>
        [
            id,
            token,
            "r-" + id,
            client,
            user,
            "-1234",
            "PRIMARY",
            type,
            created,
            created,
            validity,
            "84600000",
            "h" + id,
            state,
            "NONE",
        ];

    private static string?[] Default(string id, string name, string type, string quota, string unit) =>
        [id, name, name, "-1234", null, type, quota, null, "1", unit, null, null, "1", null, "1", "FREE", $"d{id}"];

    private static bool IsNumber(string column, string value) =>
        (
            column.EndsWith("_ID", StringComparison.Ordinal)
            || column is "ID" or "QUOTA" or "UNIT_TIME" or "VALIDITY_PERIOD"
        ) && long.TryParse(value, CultureInfo.InvariantCulture, out _);

    private static void MySql(StringBuilder text, string table, string[] columns, string?[][] rows)
    {
        text.Append(CultureInfo.InvariantCulture, $"\nDROP TABLE IF EXISTS `{table}`;\nCREATE TABLE `{table}` (\n");
        foreach (var column in columns)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"  `{column}` varchar(512) DEFAULT 'a,b)' COMMENT 'it''s, (one)',\n"
            );
        }

        text.Append(
            CultureInfo.InvariantCulture,
            $"  PRIMARY KEY (`{columns[0]}`),\n  KEY `IDX_1` (`{columns[0]}`,`{columns[^1]}`),\n  CONSTRAINT `FK` UNIQUE (`{columns[0]}`)\n) ENGINE=InnoDB DEFAULT CHARSET=latin1;\n"
        );
        text.Append(CultureInfo.InvariantCulture, $"LOCK TABLES `{table}` WRITE;\nINSERT INTO `{table}` VALUES ");
        text.AppendJoin(
            ",",
            rows.Select(r =>
                $"({string.Join(',', r.Select((v, i) => v is null ? "NULL" : IsNumber(columns[i], v) ? v : $"'{Escaped(v)}'"))})"
            )
        );
        text.Append(";\nUNLOCK TABLES;\n");

        static string Escaped(string v) =>
            v.Replace("\\", "\\\\", StringComparison.Ordinal)
                .Replace("'", "\\'", StringComparison.Ordinal)
                .Replace("\"", "\\\"", StringComparison.Ordinal)
                .Replace("\n", "\\n", StringComparison.Ordinal);
    }

    private static void PostgreSql(StringBuilder text, string table, string[] columns, string?[][] rows, bool copy)
    {
        var name = table.ToLowerInvariant();
        var names = string.Join(", ", columns.Select(c => c.ToLowerInvariant()));
        text.Append(CultureInfo.InvariantCulture, $"\nCREATE TABLE public.{name} (\n");
        text.AppendJoin(
            ",\n",
            columns.Select(c => $"    {c.ToLowerInvariant()} character varying(4096) DEFAULT 'a,b)'::character varying")
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $",\n    CONSTRAINT {name}_check CHECK (({columns[0].ToLowerInvariant()}::text <> ''::text))\n);\n\nALTER TABLE public.{name} OWNER TO CURRENT_USER;\n\n"
        );
        if (copy)
        {
            text.Append(CultureInfo.InvariantCulture, $"COPY public.{name} ({names}) FROM stdin;\n");
            foreach (var row in rows)
            {
                text.AppendJoin(
                        '\t',
                        row.Select(v =>
                            v is null
                                ? "\\N"
                                : v.Replace("\\", "\\\\", StringComparison.Ordinal)
                                    .Replace("\n", "\\n", StringComparison.Ordinal)
                                    .Replace("\t", "\\t", StringComparison.Ordinal)
                        )
                    )
                    .Append('\n');
            }

            text.Append("\\.\n\n");
            return;
        }

        foreach (var row in rows)
        {
            text.Append(CultureInfo.InvariantCulture, $"INSERT INTO public.{name} ({names}) VALUES (");
            text.AppendJoin(
                ", ",
                row.Select(v => v is null ? "NULL" : $"'{v.Replace("'", "''", StringComparison.Ordinal)}'")
            );
            text.Append(");\n");
        }
    }
}
