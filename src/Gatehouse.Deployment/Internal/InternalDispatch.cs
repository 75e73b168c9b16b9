using Gatehouse.Deployment.Trust;
using Gatehouse.Model;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Gatehouse.Deployment.Internal;

/// <summary>Sends a request on port 7443 to the pipeline of its purpose, after the path table let it through.</summary>
internal sealed partial class InternalDispatch(
    InternalServerOptions options,
    Profile profile,
    PeerVerification verification,
    RequestDelegate control,
    IHttpContextFactory contexts,
    Func<IFeatureCollection, Task>? apis,
    Func<IFeatureCollection, Task>? management,
    ILogger logger,
    CancellationToken stopping
) : IHttpApplication<IFeatureCollection>
{
    public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

    public void DisposeContext(IFeatureCollection context, Exception? exception) { }

    public Task ProcessRequestAsync(IFeatureCollection features)
    {
        // No connection feature means that the handshake above did not run: nothing is served then.
        var connection = features.GetRequiredFeature<InternalConnection>();
        var peer = connection.Peer;
        if (connection.Ends)
        {
            // The peer hears it with this answer and opens the next connection: no request of its is lost.
            features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        }

        var path = features.GetRequiredFeature<IHttpRequestFeature>().Path;
        var row = InternalPaths.Find(connection.Purpose, path, profile);
        if (row is null || !row.Admits(peer?.Profile))
        {
            return RefuseAsync(features, connection, path, row);
        }

        if (peer is not null)
        {
            if (verification.Recheck(peer) is { } reason)
            {
                LogForbidden(path, peer.ToString(), Remote(features), reason);
                return RespondAsync(features, StatusCodes.Status403Forbidden, "7", reason);
            }

            features.Set(peer);
        }

        return connection.Purpose switch
        {
            InternalPurpose.Apis when apis is not null => apis(features),
            InternalPurpose.Management when management is not null => management(features),
            InternalPurpose.Control => ControlAsync(features, peer),
            _ => RespondAsync(
                features,
                StatusCodes.Status503ServiceUnavailable,
                "14",
                "this node does not serve that now"
            ),
        };
    }

    private async Task ControlAsync(IFeatureCollection features, PeerIdentity? peer)
    {
        if (features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
        {
            body.MaxRequestBodySize = peer is null ? options.MaxAnonymousBody : options.MaxControlBody;
        }

        // A stream of the feed would hold the stop of the node for ever.
        var lifetime = features.GetRequiredFeature<IHttpRequestLifetimeFeature>();
        await using var stop = stopping.Register(lifetime.Abort);
        var context = contexts.Create(features);
        try
        {
            await control(context);
        }
        finally
        {
            contexts.Dispose(context);
        }
    }

    private Task RefuseAsync(IFeatureCollection features, InternalConnection connection, string path, InternalPath? row)
    {
        if (connection.Peer is not { } peer)
        {
            LogForbidden(
                Printable(path),
                "a caller without a certificate",
                Remote(features),
                "only nodes of this cluster may"
            );
            return RespondAsync(features, StatusCodes.Status403Forbidden, "7", "this needs a node certificate");
        }

        if (row is null)
        {
            LogUnknown(Printable(path), peer.ToString(), profile.Name());
            return RespondAsync(
                features,
                StatusCodes.Status404NotFound,
                "12",
                $"a {profile.Name()} does not serve this"
            );
        }

        var allowed = string.Join(", ", row.Allowed.Select(p => p.Name()));
        LogForbidden(Printable(path), peer.ToString(), Remote(features), $"only {allowed} may");
        return RespondAsync(
            features,
            StatusCodes.Status403Forbidden,
            "7",
            $"a {peer.Profile.Name()} may not ask for this; only {allowed}"
        );
    }

    // A gRPC client reads its status from the headers whatever the HTTP status is; the others read the text.
    private static Task RespondAsync(IFeatureCollection features, int status, string grpcStatus, string reason)
    {
        var context = new DefaultHttpContext(features);
        context.Response.StatusCode = status;
        if (context.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true)
        {
            context.Response.ContentType = "application/grpc";
            context.Response.Headers["grpc-status"] = grpcStatus;
            context.Response.Headers["grpc-message"] = Uri.EscapeDataString(reason);
            return Task.CompletedTask;
        }

        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(reason + "\n", context.RequestAborted);
    }

    private static string Remote(IFeatureCollection features) =>
        features.Get<IHttpConnectionFeature>()?.RemoteIpAddress?.ToString() ?? "unknown address";

    private static string Printable(string text) =>
        new([.. text.Take(128).Select(c => c is > ' ' and <= '~' ? c : '?')]);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused {Path} to {Peer} at {Remote}: {Reason}")]
    private partial void LogForbidden(string path, string peer, string remote, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Refused {Path} to {Peer}: a {Profile} does not serve it. Is one node of another version?"
    )]
    private partial void LogUnknown(string path, string peer, string profile);
}
