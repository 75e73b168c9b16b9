using System.Collections.Immutable;
using Microsoft.AspNetCore.Builder;

namespace Gatehouse.Management;

/// <summary>What a route says of itself for the REST API's document, where the types of its handler do not say it.</summary>
public static class RouteDocument
{
    /// <summary>The route reads <c>If-Match</c>, and answers 412 when what it changes is no more what the caller knows.</summary>
    public static TBuilder Conditional<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new ConditionalRoute());

    /// <summary>The route makes something, once for each <c>Idempotency-Key</c> when its caller sends one.</summary>
    public static TBuilder Once<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new IdempotentRoute());

    /// <summary>The route reads <c>limit</c> and <c>offset</c> itself.</summary>
    public static TBuilder Paged<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new PagedRoute());

    /// <summary>The route answers in another form too when it is asked for it.</summary>
    public static TBuilder AlsoAnswers<TBuilder>(this TBuilder builder, string mediaType)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new OtherAnswer(mediaType));

    /// <summary>The last parameter of the route's path takes the rest of it, slashes included.</summary>
    public static TBuilder TakesRestOfPath<TBuilder>(this TBuilder builder)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new RestOfPathRoute());

    /// <summary>The route reads a header that is its own.</summary>
    /// <param name="builder">The route.</param>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it says.</param>
    public static TBuilder ReadsHeader<TBuilder>(this TBuilder builder, string name, string description)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new RouteHeader(name, description));

    /// <summary>The route reads its body itself.</summary>
    /// <param name="builder">The route.</param>
    /// <param name="type">What JSON is read as; null for bytes as they are.</param>
    /// <param name="mediaTypes">What it takes; <c>*/*</c> for anything.</param>
    public static TBuilder TakesBody<TBuilder>(this TBuilder builder, Type? type, params string[] mediaTypes)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new RouteBody(type, [.. mediaTypes]));
}

/// <summary>A route that reads <c>If-Match</c>.</summary>
public sealed record ConditionalRoute;

/// <summary>A route that reads <c>limit</c> and <c>offset</c> itself.</summary>
public sealed record PagedRoute;

/// <summary>A route whose last parameter takes the rest of the path.</summary>
public sealed record RestOfPathRoute;

/// <summary>A header that a route reads.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it says.</param>
public sealed record RouteHeader(string Name, string Description);

/// <summary>Another form of an answer.</summary>
/// <param name="MediaType">Its media type.</param>
public sealed record OtherAnswer(string MediaType);

/// <summary>The body of a route that reads it itself.</summary>
/// <param name="Type">What JSON is read as; null for bytes.</param>
/// <param name="MediaTypes">What it takes.</param>
public sealed record RouteBody(Type? Type, ImmutableArray<string> MediaTypes);

/// <summary>A route that makes something, and makes it once for each <c>Idempotency-Key</c>.</summary>
public sealed record IdempotentRoute;
