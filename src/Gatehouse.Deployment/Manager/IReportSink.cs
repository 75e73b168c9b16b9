using Gatehouse.Deployment.Trust;
using Gatehouse.Deployment.Wire;

namespace Gatehouse.Deployment.Manager;

/// <summary>Takes what nodes report; the management side keeps it and shows it.</summary>
public interface IReportSink
{
    /// <summary>Records <paramref name="report"/> of <paramref name="node"/>, replacing its last one.</summary>
    Task<ReportReply> RecordAsync(PeerIdentity node, NodeReport report, CancellationToken cancellation);

    /// <summary>Notes that <paramref name="node"/> connected just now and has not reported yet.</summary>
    void Seen(PeerIdentity node);
}
