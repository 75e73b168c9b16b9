using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Gatehouse.Management.Migrations
{
    /// <inheritdoc />
    public partial class NodeResets : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(name: "reset_at", table: "node_status", nullable: true);

            migrationBuilder.AddColumn<string>(name: "reset_held", table: "node_status", nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(name: "reset_at", table: "node_status");

            migrationBuilder.DropColumn(name: "reset_held", table: "node_status");
        }
    }
}
