using Microsoft.Extensions.Primitives;

namespace Gatehouse.Gateway.Forwarding;

/// <summary>
/// Takes the headers of a request that goes out. <see cref="RequestHead"/> alone decides which they are; how they are
/// written is the matter of the upstream.
/// </summary>
internal interface IHeaderSink
{
    void Add(string name, StringValues values);
}
