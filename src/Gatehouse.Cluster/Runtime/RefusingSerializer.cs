using Akka.Actor;
using Akka.Configuration;
using Akka.Serialization;

namespace Gatehouse.Cluster.Runtime;

/// <summary>
/// Stands where Akka's fallback for any object stands (Newtonsoft.Json, type names in the message) and refuses both
/// ways. Members send bytes only.
/// </summary>
internal sealed class RefusingSerializer : Serializer
{
    /// <summary>Akka calls the constructor of Newtonsoft's place, with Newtonsoft's settings.</summary>
    public RefusingSerializer(ExtendedActorSystem system, Config settings)
        : base(system) => _ = settings;

    /// <summary>The number Newtonsoft.Json goes by on the wire, so that its messages end here too.</summary>
    public override int Identifier => 1;

    public override bool IncludeManifest => false;

    public override byte[] ToBinary(object obj) =>
        throw new NotSupportedException($"Members send bytes only; a {obj.GetType()} was about to be sent.");

    public override object FromBinary(byte[] bytes, Type type) =>
        throw new NotSupportedException("Members send bytes only; an object of some type was received and dropped.");
}
