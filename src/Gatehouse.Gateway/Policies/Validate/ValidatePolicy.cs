using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Gatehouse.Gateway.Pipeline;
using Gatehouse.Gateway.Transport;
using Gatehouse.Model;
using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Policies;

/// <summary>
/// Checks requests and answers of one operation against what the OpenAPI document says. Bodies are JSON or forms; of any
/// other only the media type is checked. What is told of a problem is where it is and what is asked there, never a value.
/// </summary>
internal sealed class ValidatePolicy : IWaitingPolicy, IAnswerPolicy
{
    /// <summary>A larger body is parsed and checked beside the loops.</summary>
    private const int SmallBody = 8 * 1024;

    private readonly ValidateSettings _settings;
    private readonly RequestParameters? _parameters;
    private readonly BodyContract? _body;
    private readonly MediaTypes<JsonSchema> _bodies;
    private readonly Dictionary<string, MediaTypes<JsonSchema>> _answers;
    private readonly ValidationLog _log;
    private readonly JsonDocumentOptions _json;

    /// <summary>Throws <see cref="JsonSchemaException"/>, a <see cref="FormatException"/>, for a schema that cannot be used.</summary>
    public ValidatePolicy(
        ValidateSettings settings,
        Operation operation,
        OperationContract contract,
        ContractSchemas schemas,
        ValidationLog log
    )
    {
        _settings = settings;
        _log = log;
        _json = new() { MaxDepth = settings.MaxDepth, AllowDuplicateProperties = false };
        _body = contract.Body;
        _bodies = new([]);
        _answers = [];
        if (settings.Request != "off")
        {
            _parameters = new(operation.Path, contract.Parameters, schemas, settings);
            _bodies = new(contract.Body?.Content.Select(c => (c.Key, schemas.OfRequest(c.Value))) ?? []);
        }

        if (settings.Answer != "off")
        {
            foreach (var (status, content) in contract.Answers)
            {
                _answers[status] = new(content.Select(c => (c.Key, schemas.OfAnswer(c.Value))));
            }
        }
    }

    public bool RunsAgain => false;

    public async ValueTask<GatewayProblem?> ApplyAsync(Exchange exchange)
    {
        if (_parameters is null)
        {
            AskForPlainAnswer(exchange);
            return null;
        }

        var problem = await CheckAsync(exchange).ConfigureAwait(false);
        AskForPlainAnswer(exchange);
        if (problem is not { Status: StatusOfMisfit or StatusOfWrongType })
        {
            return problem;
        }

        _log.BadRequest(exchange, problem);
        return _settings.Request == "refuse" ? problem : null;
    }

    public ValueTask<GatewayProblem?> OnAnswerAsync(Exchange exchange)
    {
        if (_settings.Answer == "off")
        {
            return new((GatewayProblem?)null);
        }

        var response = exchange.Response;
        if (AnswerOf(response.StatusCode) is not { } types)
        {
            // What the gateway or a failing backend says is in no document.
            return new(
                response.StatusCode >= 500
                    ? null
                    : Misfit(
                        exchange,
                        [new("body", "", $"has the status {response.StatusCode}, which is not described")]
                    )
            );
        }

        if (!exchange.AnswerHasBody || response.Headers.ContentLength == 0 || types.IsEmpty)
        {
            return new((GatewayProblem?)null);
        }

        if (!types.TryFind(response.Headers.ContentType, out var schema))
        {
            return new(Misfit(exchange, [new("body", "", "has a media type that is not described")]));
        }

        if (!MediaTypes.IsJson(response.Headers.ContentType) || schema is null)
        {
            return new((GatewayProblem?)null);
        }

        if (response.Headers.ContentEncoding.Count > 0)
        {
            return new(Misfit(exchange, [new("body", "", "is compressed and cannot be checked")]));
        }

        if (_settings.Answer == "refuse")
        {
            exchange.Filter(new Held(this, schema));
        }
        else
        {
            exchange.Filter(new Watched(this, schema), keepsLength: true);
        }

        return new((GatewayProblem?)null);
    }

    private const int StatusOfMisfit = 400;
    private const int StatusOfWrongType = 415;

    // What comes back compressed could not be checked.
    private void AskForPlainAnswer(Exchange exchange)
    {
        if (_settings.Answer != "off")
        {
            exchange.Request.Headers.AcceptEncoding = StringValues.Empty;
        }
    }

    private async ValueTask<GatewayProblem?> CheckAsync(Exchange exchange)
    {
        var wrong = _parameters!.Check(exchange);
        if (_body is null)
        {
            return wrong.IsEmpty ? null : Refusal(wrong);
        }

        if (!exchange.HasBody || exchange.Request.Headers.ContentLength == 0)
        {
            wrong = _body.Required ? wrong.Add(new("body", "", "is missing")) : wrong;
            return wrong.IsEmpty ? null : Refusal(wrong);
        }

        var type = exchange.Request.Headers.ContentType;
        if (!_bodies.TryFind(type, out var schema))
        {
            return new(StatusOfWrongType, "415", "Unsupported Media Type", $"This operation takes {_bodies}.")
            {
                Closes = true,
            };
        }

        var isForm = MediaTypes.IsForm(type);
        if (schema is null || !(isForm || MediaTypes.IsJson(type) || (type.Count == 0 && _bodies.FirstIsJson)))
        {
            return wrong.IsEmpty ? null : Refusal(wrong);
        }

        if (await BodyInspection.ReadAsync(exchange, _settings.MaxBytes).ConfigureAwait(false) is { } problem)
        {
            return problem;
        }

        var body = exchange.Buffered?.Content ?? default;
        if (body.Length > SmallBody)
        {
            await OffLoop.Switch();
        }

        wrong = wrong.AddRange(
            body.IsEmpty
                ? _body.Required
                    ? [new("body", "", "is missing")]
                    : []
                : isForm
                    ? FormBody.Check(body.Span, schema, _settings.Formats)
                    : Check(body, schema)
        );
        return wrong.IsEmpty ? null : Refusal(wrong);
    }

    private ImmutableArray<ProblemDetail> Check(ReadOnlyMemory<byte> body, JsonSchema schema)
    {
        try
        {
            using var document = JsonDocument.Parse(body, _json);
            return [.. schema.Check(document.RootElement, body.Length, _settings.Formats).Select(Detail)];
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair in a name is JSON that no text can be had of.
            return [new("body", "", "is not JSON, has a name that is no Unicode")];
        }
        catch (JsonException bad)
        {
            return
            [
                new(
                    "body",
                    "",
                    bad.LineNumber is { } line
                        ? $"is not JSON, names a member twice, or is nested deeper than {_settings.MaxDepth} (line {line + 1}, byte {bad.BytePositionInLine + 1})"
                        : $"is not JSON, names a member twice, or is nested deeper than {_settings.MaxDepth}"
                ),
            ];
        }
    }

    private static ProblemDetail Detail(JsonSchemaError error) => new("body", error.Pointer, error.Message);

    private static GatewayProblem Refusal(ImmutableArray<ProblemDetail> wrong) =>
        new(
            StatusOfMisfit,
            "400",
            "Bad Request",
            $"The request does not fit the API's definition: {string.Join("; ", wrong.Take(3))}{(wrong.Length > 3 ? "; …" : "")}."
        )
        {
            Details = wrong,
            Closes = true,
        };

    private MediaTypes<JsonSchema>? AnswerOf(int status) =>
        _answers.TryGetValue(status.ToString(System.Globalization.CultureInfo.InvariantCulture), out var exact) ? exact
        : _answers.TryGetValue($"{status / 100}XX", out var range) ? range
        : _answers.GetValueOrDefault("default");

    private GatewayProblem? Misfit(Exchange exchange, ImmutableArray<ProblemDetail> wrong)
    {
        if (wrong.IsEmpty)
        {
            return null;
        }

        _log.BadAnswer(exchange, wrong);
        return _settings.Answer == "refuse" ? s_badAnswer : null;
    }

    private static readonly GatewayProblem s_badAnswer = new(
        502,
        "502",
        "Answer Not Valid",
        "The back end's answer does not fit the API's definition."
    );

    /// <summary>Holds an answer until it was checked.</summary>
    private sealed class Held(ValidatePolicy policy, JsonSchema schema)
        : WholeAnswer(policy._settings.MaxBytes, s_badAnswer)
    {
        protected override ValueTask<(ReadOnlyMemory<byte> Body, GatewayProblem? Problem)> TurnAsync(
            ReadOnlyMemory<byte> whole
        ) => new((whole, policy.Misfit(Exchange, policy.Check(whole, schema))));
    }

    /// <summary>Lets an answer pass and checks a copy when it is complete.</summary>
    private sealed class Watched(ValidatePolicy policy, JsonSchema schema) : AnswerFilter
    {
        private readonly ArrayBufferWriter<byte> _copy = new();
        private bool _isTooLarge;

        public override ValueTask<bool> WriteAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellation)
        {
            _isTooLarge |= _copy.WrittenCount + piece.Length > policy._settings.MaxBytes;
            if (!_isTooLarge)
            {
                _copy.Write(piece.Span);
            }

            return PassAsync(piece, cancellation);
        }

        public override async ValueTask<GatewayProblem?> CompleteAsync(CancellationToken cancellation)
        {
            if (_isTooLarge)
            {
                return null;
            }

            if (_copy.WrittenCount > SmallBody)
            {
                await OffLoop.Switch();
            }

            policy.Misfit(Exchange, policy.Check(_copy.WrittenMemory, schema));
            return null;
        }

        public override void Release() => _copy.Clear();
    }
}
