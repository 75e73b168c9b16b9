using Gatehouse.Deployment.Trust;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Gatehouse.Management;

/// <summary>How users are set up in the application of a manager.</summary>
internal static class UserOptions
{
    /// <summary>PBKDF2 with HMAC-SHA-512; the count is OWASP's of 2023.</summary>
    public static IOptions<PasswordHasherOptions> Hashing { get; } =
        Options.Create(new PasswordHasherOptions { IterationCount = 210_000 });

    public static void AddUsers(this IServiceCollection services, ManagementOptions options)
    {
        services.AddScoped(_ => options.Database.OpenUsers());
        services
            .AddIdentityCore<User>(identity =>
            {
                identity.Stores.SchemaVersion = IdentitySchemaVersions.Version3;
                identity.User.RequireUniqueEmail = false;
                // Length and what is tried first: PasswordRules.
                identity.Password.RequiredLength = PasswordRules.Shortest;
                identity.Password.RequireDigit = false;
                identity.Password.RequireLowercase = false;
                identity.Password.RequireUppercase = false;
                identity.Password.RequireNonAlphanumeric = false;
                identity.Password.RequiredUniqueChars = 1;
                identity.Lockout.MaxFailedAccessAttempts = 10;
                identity.Lockout.DefaultLockoutTimeSpan = TimeSpan.FromMinutes(5);
            })
            .AddPasswordValidator<PasswordRules>()
            .AddDefaultTokenProviders();
        services.AddSingleton(Hashing);
        services.AddScoped<IUserStore<User>, UserStore>();
        services.AddScoped<Users>();
        services.AddScoped<SignIns>();
        services.AddScoped<Passkeys>();
        services.AddScoped<IPasskeyHandler<User>, PasskeyHandler<User>>();
        services.Configure<IdentityPasskeyOptions>(passkeys =>
        {
            // It stands for password and second factor, and nobody types a name before it.
            passkeys.UserVerificationRequirement = "required";
            passkeys.ResidentKeyRequirement = "required";
        });
        services.AddSingleton<Sessions>();
        services.AddSingleton<UserLinks>();
        services.AddSingleton<LinkMail>();
        services.AddSingleton(s => new SignInAttempts(
            s.GetRequiredService<AttemptLimit>(),
            new(s.GetRequiredService<TimeProvider>(), perRemote: 5, inAll: 50, TimeSpan.FromMinutes(10)),
            s.GetRequiredService<Sessions>(),
            s.GetRequiredService<Catalogue>()
        ));

        services.AddDataProtection().SetApplicationName($"gatehouse {options.Cluster}");
        var key = options.ClusterKey ?? ClusterKey.Create();
        services.AddSingleton(key);
        services.Configure<KeyManagementOptions>(keys =>
        {
            keys.XmlRepository = new CatalogueKeyRing(options.Database, key);
            // The repository wraps each key as a whole.
            keys.XmlEncryptor = new NullXmlEncryptor();
        });
    }
}
