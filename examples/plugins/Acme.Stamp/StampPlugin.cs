using System.ComponentModel;
using System.Globalization;
using System.Text;
using Gatehouse.Plugins;

namespace Acme.Stamp;

/// <summary>What a publisher may set.</summary>
public sealed record StampSettings
{
    /// <summary>The header that gets the stamp.</summary>
    [Description("The header that requests get on their way to the backend")]
    public string Header { get; set; } = "X-Stamp";

    /// <summary>What is written into it.</summary>
    [Description("What is written into it, before the size of the body")]
    public string Text { get; set; } = "stamped";

    /// <summary>What is written below every answer; empty for nothing.</summary>
    [Description(
        "What is written below every answer, which is then held until it is whole; empty to let answers stream"
    )]
    public string Footer { get; set; } = "";

    /// <summary>The largest body that is taken, in bytes.</summary>
    [Description("The largest body that is taken, of a request and of an answer with a footer")]
    public int MaxBytes { get; set; } = 65536;
}

/// <summary>Stamps requests for the backend and tells the caller so.</summary>
public sealed class StampPlugin : PolicyPlugin<StampSettings>
{
    /// <inheritdoc/>
    public override string Name => "acme/stamp";

    /// <inheritdoc/>
    public override string Summary =>
        "Stamps requests with a text and the size of their body, and answers with X-Stamped and a footer.";

    /// <inheritdoc/>
    public override string Example => """{ "header": "X-Acme", "text": "seen" }""";

    /// <inheritdoc/>
    public override IEnumerable<SettingsProblem> Check(StampSettings settings)
    {
        if (settings.Header.Length == 0)
        {
            yield return new("/header", "The stamp needs a header", "name one, such as X-Stamp");
        }

        if (settings.MaxBytes is < 1 or > 1 << 20)
        {
            yield return new("/maxBytes", "Bodies have 1 byte to 1 MiB");
        }
    }

    /// <inheritdoc/>
    public override PluginPolicy Create(StampSettings settings, PolicyPlace place) => new Stamp(settings);

    private sealed class Stamp(StampSettings settings) : PluginPolicy
    {
        public override int BodyLimit => settings.MaxBytes;

        public override int AnswerBodyLimit => settings.Footer.Length > 0 ? settings.MaxBytes : 0;

        public override ValueTask<Verdict> OnRequestAsync(PluginRequest request, CancellationToken cancellation)
        {
            if (request.Headers["X-Refuse"] is not null)
            {
                return new(Verdict.Refuse(403, "This request asked to be refused."));
            }

            if (request.Headers["X-Answer"] is { } answer)
            {
                return new(Verdict.Answer(200, Encoding.UTF8.GetBytes(answer)));
            }

            request.Headers[settings.Header] = string.Create(
                CultureInfo.InvariantCulture,
                $"{settings.Text} {request.Body.Length}"
            );
            return new(Verdict.Pass);
        }

        public override ValueTask OnAnswerAsync(PluginAnswer answer, CancellationToken cancellation)
        {
            answer.Headers["X-Stamped"] = settings.Text;
            if (settings.Footer.Length > 0)
            {
                answer.ReplaceBody((byte[])[.. answer.Body.Span, .. Encoding.UTF8.GetBytes(settings.Footer)]);
            }

            return default;
        }
    }
}
